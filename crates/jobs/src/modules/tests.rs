use super::*;
use crate::engine::Kind;

/// Modules in a directory of so many bytes, with one compilation at a time.
fn modules(directory: &Path, disk: u64) -> Arc<Modules> {
    let limits = ModuleLimits {
        memory: 64 << 20,
        disk,
        compilations: 1,
        wait: Duration::from_secs(60),
    };
    let engines = Engines::new(1 << 20, None);
    let (modules, trouble) = Modules::open(engines, limits, Some(directory), None).unwrap();
    assert_eq!(trouble, None);
    Arc::new(modules)
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A module of a little more than so many bytes.
fn wasm(bytes: usize) -> (Hash, Bytes) {
    let data = "x".repeat(bytes);
    let text = format!("(module (memory 16) (data \"{data}\") (func (export \"run\")))");
    let wasm: Bytes = wat::parse_str(text).unwrap().into();
    (hash_of(&wasm), wasm)
}

const PLAIN: Kind = Kind {
    fuel: false,
    deterministic: false,
};
const DETERMINISTIC: Kind = Kind {
    fuel: false,
    deterministic: true,
};

fn wait<F: Future>(future: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().build().unwrap().block_on(future)
}

/// Files are written when nobody waits for them.
async fn written(modules: &Modules, hash: &Hash) {
    let started = Instant::now();
    let disk = modules.disk.as_ref().unwrap();
    let code = |kind| disk.code(&modules.engines.compiler(kind).unwrap(), hash);
    while !disk.has(hash) || code(PLAIN).is_none() {
        assert!(started.elapsed() < Duration::from_secs(30), "no files");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[test]
fn who_brings_the_bytes_does_not_fail_with_one_who_did_not() {
    let directory = directory();
    let modules = modules(directory.path(), 1 << 30);
    let (hash, wasm) = wasm(1);
    wait(async {
        let (sender, receiver) = watch::channel(None);
        modules.lock_flights().insert((hash, PLAIN), receiver);
        let joined = modules.get(hash, PLAIN, Some(wasm));
        let landed = async {
            // The one before it finds nothing.
            modules.lock_flights().remove(&(hash, PLAIN));
            sender.send_replace(Some(Err(unknown(&hash))));
        };
        let (found, ()) = tokio::join!(joined, landed);
        assert!(found.is_ok());
    });
}

#[test]
fn only_compilations_wait_for_compilations() {
    let directory = directory();
    let (hash, wasm) = wasm(1);
    wait(async {
        let first = modules(directory.path(), 1 << 30);
        first.get(hash, PLAIN, Some(wasm)).await.ok().unwrap();
        written(&first, &hash).await;
        let second = modules(directory.path(), 1 << 30);
        let _others = second.slots.acquire().await.unwrap();
        let found = second.get(hash, PLAIN, None).await.ok().unwrap();
        assert_eq!(found.source, Source::Disk);
        let failure = second.get([7; 32], PLAIN, None).await.err().unwrap();
        assert_eq!(failure.code, Code::ModuleUnknown);
    });
}

#[test]
fn a_module_that_has_no_file_yet_is_known_to_every_engine() {
    let directory = directory();
    let modules = modules(directory.path(), 1 << 30);
    let (hash, wasm) = wasm(1);
    // A file where the module's directory would be: nothing of it can be written.
    std::fs::write(directory.path().join(&hex::encode(hash)[..2]), "").unwrap();
    wait(async {
        modules.get(hash, PLAIN, Some(wasm)).await.ok().unwrap();
        assert!(modules.get(hash, DETERMINISTIC, None).await.is_ok());
    });
}

#[test]
fn what_is_used_stays_in_the_directory() {
    let directory = directory();
    // Room for the Wasm and the machine code of two.
    let modules = modules(directory.path(), 600_000);
    let [one, two, three] = [100_000, 100_001, 100_002].map(wasm);
    wait(async {
        for (hash, wasm) in [&one, &two] {
            let wasm = Some(wasm.clone());
            modules.get(*hash, PLAIN, wasm).await.ok().unwrap();
            written(&modules, hash).await;
        }
        let found = modules.get(one.0, PLAIN, None).await.ok().unwrap();
        assert_eq!(found.source, Source::Memory);
        drop(found);
        let wasm = Some(three.1.clone());
        modules.get(three.0, PLAIN, wasm).await.ok().unwrap();
        written(&modules, &three.0).await;
        let disk = modules.disk.as_ref().unwrap();
        let there = || [one.0, two.0, three.0].map(|hash| disk.has(&hash));
        let started = Instant::now();
        while there() != [true, false, true] {
            let (bytes, there) = (disk.bytes(), there());
            assert!(
                started.elapsed() < Duration::from_secs(10),
                "{there:?} {bytes}"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
}

#[test]
fn what_the_directory_lost_comes_back_with_the_bytes() {
    let directory = directory();
    let modules = modules(directory.path(), 1 << 30);
    let (hash, wasm) = wasm(1);
    wait(async {
        let bytes = || Some(wasm.clone());
        modules.get(hash, PLAIN, bytes()).await.ok().unwrap();
        written(&modules, &hash).await;
        let in_memory = modules.bytes().0;
        modules.disk.as_ref().unwrap().remove(&hash);
        let found = modules.get(hash, PLAIN, bytes()).await.ok().unwrap();
        assert_eq!(found.source, Source::Memory);
        written(&modules, &hash).await;
        // The bytes stayed there no longer than they had to.
        assert_eq!(modules.bytes().0, in_memory);
    });
}

/// Memory is kept within its limit whatever modules are made of: machine code is not all there is.
#[test]
fn what_a_module_declares_counts() {
    let directory = directory();
    let modules = modules(directory.path(), 1 << 30);
    let import = "(import \"host\" \"log\" (func (param i32 i32 i32)))";
    let text = format!("(module {} (func (export \"run\")))", import.repeat(20_000));
    let wasm: Bytes = wat::parse_str(text).unwrap().into();
    let hash = hash_of(&wasm);
    wait(async {
        let found = modules.get(hash, PLAIN, Some(wasm)).await.ok().unwrap();
        // Each is 11 bytes of Wasm, and two names, a type and a function here.
        assert!(modules.bytes().0 > found.module.size() + 20_000 * 200);
    });
}
