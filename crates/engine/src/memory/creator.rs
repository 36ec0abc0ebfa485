//! How wasmtime's instances come to run on our heaps: the configuration an engine needs, the creator of memories
//! that hands out a prepared heap, and what an instance has to be told when a heap changes its size.

use super::core::Core;
use super::fault;
use super::heap::Heap;
use super::portable::{LIST_WASM_PAGES, is_portable};
use super::sys::GUARD;
use super::sys::{Access, Reservation};
use super::{PAGE_SIZE, WASM_PAGE_SIZE};
use std::cell::RefCell;
use std::sync::Arc;
use wasmtime::{AsContextMut, Config, LinearMemory, Memory, MemoryCreator, MemoryType};

/// wasmtime keeps its own objects (external references) in memories that it asks the same creator for. They get
/// another guard size, which is how we tell them from the memory of a module.
const OBJECTS_GUARD: usize = GUARD / 2;

thread_local! {
    /// The heap for the instance that is being made.
    static OFFERED: RefCell<Option<Arc<Core>>> = const { RefCell::new(None) };
    /// The same once it was taken, whose lists are for the second memory of the instance.
    static TAKEN: RefCell<Option<Arc<Core>>> = const { RefCell::new(None) };
}

/// Sets up an engine so that its instances run on heaps that were made with at least the same `reserved`, in bytes:
/// the largest size that a 64-bit memory may have, and at least 4 GiB.
///
/// The same settings serve 32-bit and 64-bit memories and both code generators. Code for 32-bit memories leaves
/// bounds checks to what is inaccessible in the reservation and behind it; code for 64-bit memories checks. In the portable way
/// all code does, and nothing is reserved behind a heap.
pub fn configure(config: &mut Config, reserved: u64) {
    let (reserved, guard) = match is_portable() {
        false => (reserved.max(4 << 30), GUARD as u64),
        true => (0, 0),
    };
    config
        .with_host_memory(Arc::new(Creator))
        .memory_reservation(reserved)
        .memory_guard_size(guard)
        // It never does; but one generator takes the reservation for all that a memory which stays can have.
        .memory_may_move(is_portable())
        .guard_before_linear_memory(false)
        .memory_init_cow(false)
        // On macOS: signals, so that our handler sees a fault before wasmtime makes a trap of it.
        .macos_use_mach_ports(false)
        .gc_heap_reservation(4 << 30)
        .gc_heap_guard_size(OBJECTS_GUARD as u64)
        .gc_heap_may_move(false);
}

/// Runs `instantiate`, in which the memory of a new instance will be this heap. A heap smaller than the instance's
/// declared minimum grows; a larger one stays as large as it is.
///
/// Only one instance at a time may be in use on a heap.
pub fn with_heap<R>(heap: &Heap, instantiate: impl FnOnce() -> R) -> R {
    /// Takes the offer back, also when `instantiate` panics.
    struct Restore(Option<Arc<Core>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            OFFERED.set(self.0.take());
            TAKEN.set(None);
        }
    }
    let _restore = Restore(OFFERED.replace(Some(heap.core().clone())));
    instantiate()
}

/// Tells the instance of `memory` the present size of its heap: after a rollback or an unparking that changed it.
///
/// # Errors
///
/// wasmtime's, if the store has an asynchronous limiter.
pub fn refresh_size(mut store: impl AsContextMut, memory: &Memory) -> wasmtime::Result<()> {
    // Growing by nothing makes wasmtime read the size again.
    memory.grow(store.as_context_mut(), 0).map(drop)
}

struct Creator;

// SAFETY: the memories below are as long, as zero and as guarded as wasmtime asks for, or creation fails; a heap is
// not zero when it is handed to a successor, which is what its owner wants and does not endanger memory.
unsafe impl MemoryCreator for Creator {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        _: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let reserved = reserved.unwrap_or(0);
        if guard == OBJECTS_GUARD {
            return Ok(Box::new(
                Objects::new(minimum, reserved, guard).map_err(|error| error.to_string())?,
            ));
        }
        if let Some(core) = TAKEN.take() {
            return Ok(Box::new(Lists { core }));
        }
        let core = OFFERED.take();
        let core = core.ok_or("no heap was offered for the memory of an instance")?;
        if is_portable() {
            TAKEN.set(Some(Arc::clone(&core)));
        } else {
            // There is an engine, and with it its handler.
            fault::install_fault_handler(fault::Place::BeforeWasmtime);
        }
        if guard > GUARD || reserved > core.reserved() || core.is_short() {
            return Err("the engine takes more address space for granted than the heap has".into());
        }
        if core.size() < minimum {
            core.lock()
                .grow_to(minimum)
                .map_err(|error| format!("the heap cannot have its minimum size: {error}"))?;
        }
        Ok(Box::new(HeapMemory { core }))
    }
}

/// A heap as wasmtime sees it.
struct HeapMemory {
    core: Arc<Core>,
}

// SAFETY: `base` never moves and is valid while `core` lives; `size` bytes are readable and, while the heap is
// active, writable; what lies beyond is inaccessible up to `GUARD` bytes behind the reservation, which is at least as
// large as the capacity and as what the engine asked for.
unsafe impl LinearMemory for HeapMemory {
    fn byte_size(&self) -> usize {
        self.core.size()
    }

    fn byte_capacity(&self) -> usize {
        self.core.capacity()
    }

    fn grow_to(&mut self, size: usize) -> wasmtime::Result<()> {
        Ok(self.core.lock().grow_to(size)?)
    }

    fn as_ptr(&self) -> *mut u8 {
        self.core.base()
    }
}

/// The lists of a heap as wasmtime sees them, in the portable way.
struct Lists {
    core: Arc<Core>,
}

// SAFETY: the lists are open over their whole length, never move, and live as long as the core does. All code checks its bounds in
// the portable way, so that nothing needs to lie behind them.
unsafe impl LinearMemory for Lists {
    fn byte_size(&self) -> usize {
        LIST_WASM_PAGES * WASM_PAGE_SIZE
    }

    fn byte_capacity(&self) -> usize {
        self.byte_size()
    }

    fn grow_to(&mut self, _: usize) -> wasmtime::Result<()> {
        wasmtime::bail!("the lists of a heap are as long as they ever get");
    }

    fn as_ptr(&self) -> *mut u8 {
        let lists = self.core.lists();
        lists.expect("the heaps of the portable way have lists")
    }
}

/// A plain memory for wasmtime's own objects.
struct Objects {
    space: Reservation,
    size: usize,
    capacity: usize,
}

impl Objects {
    fn new(minimum: usize, reserved: usize, guard: usize) -> std::io::Result<Self> {
        let capacity = reserved.max(minimum).next_multiple_of(WASM_PAGE_SIZE);
        let space = Reservation::new(capacity + guard)?;
        space.protect(0..minimum.div_ceil(PAGE_SIZE), Access::ReadWrite)?;
        Ok(Objects {
            space,
            size: minimum,
            capacity,
        })
    }
}

// SAFETY: the reservation lives as long as this, never moves, is open up to `size`, and inaccessible from there to
// its end, which is the guard beyond the capacity.
unsafe impl LinearMemory for Objects {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        self.capacity
    }

    fn grow_to(&mut self, size: usize) -> wasmtime::Result<()> {
        if size > self.capacity {
            wasmtime::bail!("no room for more objects");
        }
        self.space
            .protect(0..size.div_ceil(PAGE_SIZE), Access::ReadWrite)?;
        self.size = size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.space.base()
    }
}
