//! The engine of a process: the compiler, the modules that were loaded, the imports that were linked. Shared by any
//! number of owners of instances, on any threads.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sha2::{Digest, Sha256};

use crate::code::{Compiler, Promotions, Settings};
use crate::failure::Failure;
use crate::host::Host;
use crate::imports::{Imports, Linking};
use crate::memory::{Heap, HeapError, Image, WASM_PAGE_SIZE};
use crate::module::Module;
use crate::tier::{TIERS, Tier};

/// Modules from which on one that is not in use makes room for the next.
const MODULES_KEPT: usize = 32;

/// What runs modules; see the head of this crate.
pub struct Engine<H: Host> {
    pub(crate) compiler: Arc<Compiler>,
    pub(crate) promotions: Promotions<H>,
    /// By code generator and width.
    imports: [[OnceLock<Imports<H>>; 2]; TIERS],
    /// Modules loaded before, the newest last: those in use and some that may be wanted again.
    modules: Mutex<Vec<Arc<Loaded<H>>>>,
}

/// A module, or where one is being loaded.
struct Loaded<H: Host> {
    hash: [u8; 32],
    host: String,
    module: Mutex<Option<Arc<Module<H>>>>,
}

impl<H: Host> Loaded<H> {
    /// Nobody runs it, and nobody is loading it.
    fn is_unused(self: &Arc<Self>) -> bool {
        let module = || self.module.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::strong_count(self) == 1
            && module()
                .as_ref()
                .is_none_or(|module| Arc::strong_count(module) == 1)
    }
}

impl<H: Linking> Engine<H> {
    /// An engine with these settings. What costs time is made when it is first needed.
    pub fn new(settings: Settings) -> Self {
        Engine {
            compiler: Arc::new(Compiler::new(settings)),
            promotions: Promotions::default(),
            imports: Default::default(),
            modules: Mutex::default(),
        }
    }

    /// What the engine was made for.
    pub fn settings(&self) -> &Settings {
        self.compiler.settings()
    }

    /// A module that can be run: known from before, out of the cache on disk, or else admitted, rewritten and compiled.
    /// Who loads the same file at the same time waits for the first.
    ///
    /// # Errors
    /// The inner one is the verdict of the host, the outer one a failure of the machine.
    pub fn load(
        &self,
        host: &H,
        file: &Arc<[u8]>,
    ) -> Result<Result<Arc<Module<H>>, H::Refusal>, Failure> {
        let hash = self.hash_of(file);
        let loaded = self.entry(hash, host.identity());
        let mut module = loaded.module.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = &*module {
            return Ok(Ok(Arc::clone(module)));
        }
        let made = self.compiler.load(host, file, hash)?.map(Arc::new);
        *module = made.as_ref().ok().cloned();
        Ok(made)
    }

    /// SHA-256 of a file, which is known if it was loaded before: comparing is ten times as fast.
    fn hash_of(&self, file: &[u8]) -> [u8; 32] {
        let modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        let known = modules.iter().rev().find(|known| {
            let module = known.module.try_lock();
            module.is_ok_and(|module| module.as_ref().is_some_and(|module| *module.blob == *file))
        });
        known.map_or_else(|| Sha256::digest(file).into(), |known| known.hash)
    }

    fn entry(&self, hash: [u8; 32], host: String) -> Arc<Loaded<H>> {
        let mut modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        let known = modules
            .iter()
            .find(|known| known.hash == hash && known.host == host);
        if let Some(known) = known {
            return Arc::clone(known);
        }
        if modules.len() >= MODULES_KEPT
            && let Some(oldest) = modules.iter().position(Loaded::is_unused)
        {
            modules.remove(oldest);
        }
        let loaded = Arc::new(Loaded {
            hash,
            host,
            module: Mutex::default(),
        });
        modules.push(Arc::clone(&loaded));
        loaded
    }

    /// The heap that a module begins with; nothing if it declares no memory.
    ///
    /// # Errors
    /// If the machine refuses the memory.
    pub fn fresh_heap(&self, module: &Module<H>) -> Result<Option<Heap>, Failure> {
        let Some(memory) = module.shape().memory else {
            return Ok(None);
        };
        let initial = memory.initial_pages * WASM_PAGE_SIZE as u64;
        let mut heap = self.heap(module, initial)?;
        heap.grow_to(initial)?;
        for (offset, bytes) in module.data() {
            heap.write(offset, bytes)?;
        }
        Ok(Some(heap))
    }

    /// A heap with the content of an image, for a module.
    ///
    /// # Errors
    /// If the machine refuses the memory.
    pub fn heap_from_image(&self, module: &Module<H>, image: &Image) -> Result<Heap, Failure> {
        Ok(self.heap(module, image.size_bytes())?.holding(image)?)
    }

    /// An empty heap for a module that will need so many bytes at once. Only one that the interpreter can run on may be short.
    fn heap(&self, module: &Module<H>, least: u64) -> Result<Heap, HeapError> {
        let reserved = self.compiler.reserved_memory();
        let capacity = match self.capacity(module) {
            // 32-bit code may be given the memory of 64-bit code.
            narrow if narrow < least => reserved,
            capacity => capacity,
        };
        match self.compiler.interprets(module) {
            true => Heap::fitting(least, capacity, reserved),
            false => Heap::new(capacity, reserved),
        }
    }

    /// Makes a heap as large as a module wants it at least, for one that takes over the memory of another.
    ///
    /// # Errors
    /// If the machine refuses the memory.
    pub fn fit_heap(&self, module: &Module<H>, heap: &mut Heap) -> Result<(), Failure> {
        let initial = module.shape().initial_pages() * WASM_PAGE_SIZE as u64;
        if heap.size_bytes() < initial {
            heap.grow_to(initial)?;
        }
        Ok(())
    }

    fn capacity(&self, module: &Module<H>) -> u64 {
        match module.shape().memory64() {
            true => self.compiler.reserved_memory(),
            false => 4 << 30,
        }
    }

    pub(crate) fn imports(&self, tier: Tier, wasm64: bool) -> Result<&Imports<H>, Failure> {
        let engine = match tier {
            Tier::Interpreter => None,
            tier => Some(self.compiler.engine(tier)?),
        };
        let imports = &self.imports[tier as usize][usize::from(wasm64)];
        Ok(imports.get_or_init(|| match wasm64 {
            true => Imports::of::<u64>(engine),
            false => Imports::of::<u32>(engine),
        }))
    }

    /// Before a process ends: waits for compilations whose result is worth keeping on disk.
    pub fn finish(&self) {
        self.promotions.end();
    }
}
