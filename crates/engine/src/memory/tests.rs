//! What a heap promises, against a plain vector of bytes. Writes are made as Wasm code makes them: through the
//! mapping, under an activation.

use super::fault::errno;
use super::sys::{Access, Reservation, host_page_size};
use super::tracker::{HOT, WRITABLE};
use super::{Heap, Image, PAGE_SIZE, ParkedHeap, Rollback, WASM_PAGE_SIZE};
use std::collections::BTreeSet;

/// Whether pages of this machine open together: what counts single ones cannot be tested there.
fn pages_are_larger() -> bool {
    host_page_size() > PAGE_SIZE
}

/// Writes as Wasm code does: nobody is told, pages fault.
fn poke(heap: &Heap, offset: usize, bytes: &[u8]) {
    assert!(offset + bytes.len() <= heap.size_bytes() as usize);
    // SAFETY: the range lies within the heap (checked), which is active, and no slice of it exists.
    unsafe { std::ptr::copy(bytes.as_ptr(), heap.core().base().add(offset), bytes.len()) };
}

/// Reads a byte as Wasm code would; the heap must be active.
fn peek(heap: &Heap, offset: usize) -> u8 {
    // SAFETY: within the heap, whose faults are handled.
    unsafe { heap.core().base().add(offset).read_volatile() }
}

pub(super) fn heap(wasm_pages: u64) -> Heap {
    let mut heap = Heap::new(4 << 30, 0).unwrap();
    heap.grow_to(wasm_pages * WASM_PAGE_SIZE as u64).unwrap();
    heap
}

pub(super) fn bytes(heap: &Heap) -> &[u8] {
    heap.read(0, heap.size_bytes() as usize).unwrap()
}

/// One execution that writes one byte to each page.
pub(super) fn execute(heap: &mut Heap, pages: impl IntoIterator<Item = usize>, value: u8) -> u64 {
    heap.begin().unwrap();
    let active = heap.activate();
    for page in pages {
        poke(heap, page * PAGE_SIZE + 123, &[value]);
    }
    drop(active);
    heap.changed_pages()
}

/// Pages logged in the open level.
fn logged(heap: &Heap) -> usize {
    heap.core().lock().arena.as_ref().unwrap().len()
}

fn hot(heap: &Heap) -> usize {
    let tracker = heap.core().lock();
    let hot = tracker
        .state
        .iter()
        .filter(|state| **state & HOT != 0)
        .count();
    assert_eq!(hot, tracker.hot.len());
    hot
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(3) as u8).collect()
    }
}

/// Pages that differ, the shorter content continued with zeros.
fn differing(old: &[u8], new: &[u8]) -> u64 {
    let mut old = old.to_vec();
    old.resize(new.len(), 0);
    old.chunks(PAGE_SIZE)
        .zip(new.chunks(PAGE_SIZE))
        .filter(|(old, new)| old != new)
        .count() as u64
}

fn random_history(seed: u64) {
    let random = &mut Random(seed);
    // Every other heap takes address space as it grows.
    let new = |least: usize| match seed % 2 {
        0 => Heap::new(4 << 30, 0).unwrap(),
        _ => Heap::short(least, 4 << 30).unwrap(),
    };
    let mut model = vec![0; 3 * WASM_PAGE_SIZE];
    let mut heap = new(model.len());
    heap.grow_to(model.len() as u64).unwrap();
    let mut levels: Vec<Vec<u8>> = Vec::new();
    let mut parked: Option<(ParkedHeap, Vec<u8>)> = None;
    let mut images: Vec<(Image, Vec<u8>)> = vec![(Image::zeroed(131_072), vec![0; 131_072])];
    for step in 0..400 {
        match random.below(18) {
            14 => images.push((heap.snapshot(), model.clone())),
            15 => images.push((heap.image(), model.clone())),
            16 | 17 if levels.is_empty() => {
                let (image, content) = &images[random.below(images.len())];
                if random.below(4) == 0 {
                    heap = new(content.len()).holding(image).unwrap();
                } else {
                    heap.restore(image).unwrap();
                }
                model.clone_from(content);
                parked = None;
            }
            0 if levels.len() < 4 => {
                heap.begin().unwrap();
                levels.push(model.clone());
            }
            0..=3 if !levels.is_empty() => {
                let old = levels.pop().unwrap();
                assert_eq!(heap.changed_pages(), differing(&old, &model), "step {step}");
                match random.below(3) {
                    0 => heap.commit(),
                    1 => {
                        let size_changed = old.len() != model.len();
                        assert_eq!(heap.rollback(), Rollback { size_changed });
                        model = old;
                        parked = None;
                    }
                    _ => {
                        let taken = heap.park();
                        assert!(bytes(&heap) == old, "step {step}");
                        if random.below(2) == 0 {
                            heap.unpark(&taken).unwrap();
                        } else {
                            parked = Some((taken, model));
                            model = old;
                        }
                    }
                }
            }
            4 if model.len() < 40 * WASM_PAGE_SIZE => {
                let size = model.len() + random.below(4) * WASM_PAGE_SIZE;
                heap.grow_to(size as u64).unwrap();
                model.resize(size, 0);
                parked = None;
            }
            5 => {
                let len = random.below(30_000);
                let (offset, data) = (random.below(model.len() - len), random.bytes(len));
                heap.write(offset as u64, &data).unwrap();
                model[offset..offset + len].copy_from_slice(&data);
                parked = None;
            }
            6 => heap.cool(),
            7 => {
                if let Some((taken, result)) = parked.take() {
                    heap.unpark(&taken).unwrap();
                    model = result;
                }
            }
            _ if !levels.is_empty() => {
                let (counted, told) = (random.below(2) == 0, random.below(2) == 0);
                let active = match (counted, told) {
                    (counted, true) => heap.listen(counted).unwrap(),
                    (true, false) => heap.follow().unwrap(),
                    (false, false) => heap.activate(),
                };
                let tell = |heap: &Heap, start: usize, len: usize, write| {
                    if told {
                        let bytes = start..start + len;
                        heap.core().lock_veiled().tell(bytes, write);
                    }
                };
                let (mut accessed, mut written) = (BTreeSet::new(), BTreeSet::new());
                for _ in 0..random.below(10) {
                    let len = if random.below(6) == 0 {
                        random.below(100_000)
                    } else {
                        random.below(9)
                    };
                    let (offset, data) = (random.below(model.len() - len), random.bytes(len));
                    tell(&heap, offset, len, true);
                    poke(&heap, offset, &data);
                    model[offset..offset + len].copy_from_slice(&data);
                    if len > 0 {
                        written
                            .extend(offset / WASM_PAGE_SIZE..=(offset + len - 1) / WASM_PAGE_SIZE);
                    }
                    let offset = random.below(model.len());
                    tell(&heap, offset, 1, false);
                    assert_eq!(peek(&heap, offset), model[offset], "step {step}");
                    accessed.insert(offset / WASM_PAGE_SIZE);
                }
                drop(active);
                if counted {
                    accessed.extend(&written);
                    let touches = (accessed.len() + written.len()) as u64;
                    assert_eq!(heap.touches().get(), touches, "step {step}");
                }
                parked = None;
            }
            _ => {}
        }
        // Looking lifts the veil that executions leave behind.
        if random.below(3) == 0 {
            assert!(bytes(&heap) == model, "step {step}");
        }
        assert_eq!(heap.size_bytes(), model.len() as u64, "step {step}");
    }
    for (image, content) in &images {
        assert_eq!(image.size_bytes(), content.len() as u64);
        let mut read = vec![9; content.len()];
        assert!(image.read(0, &mut read) && read == *content);
        assert!(image.pages().all(|(_, page)| page != &[0; PAGE_SIZE]));
    }
}

#[test]
fn a_short_heap_grows_to_its_capacity_where_it_is() {
    let mut heap = Heap::short(0, 8 << 20).unwrap();
    assert!(heap.is_short());
    let base = heap.core().base();
    for wasm_pages in [1, 2, 100, 128] {
        heap.grow_to(wasm_pages << 16).unwrap();
        execute(&mut heap, [0, wasm_pages as usize * 16 - 1], 7);
        heap.commit();
        assert_eq!(heap.core().base(), base);
        assert_eq!(
            peek(&heap, (wasm_pages as usize * 16 - 1) * PAGE_SIZE + 123),
            7
        );
    }
    assert!(heap.grow_to((8 << 20) + (1 << 16)).is_err());
    assert!(heap.is_short());
}

#[test]
#[cfg(target_os = "linux")]
fn histories_agree_where_the_pages_of_the_machine_are_larger() {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let name = "memory::tests::random_histories_agree_with_a_plain_vector";
    let child = child.env("DRUN_TEST_PAGE_SIZE", "16384");
    passes(child.args(["--exact", name]));
}

#[test]
fn random_histories_agree_with_a_plain_vector() {
    for seed in 1..60 {
        random_history(seed * 0x9e37_79b9_7f4a_7c15);
    }
}

#[test]
fn two_threads_run_two_heaps_at_the_same_time() {
    std::thread::scope(|scope| {
        for seed in [11, 22, 33] {
            scope.spawn(move || random_history(seed));
        }
    });
}

#[test]
fn writing_what_is_there_and_writing_back_are_no_changes() {
    let mut heap = heap(1);
    heap.write(0, &[5; 9000]).unwrap();
    heap.begin().unwrap();
    let active = heap.activate();
    poke(&heap, 0, &[5; 9000]);
    poke(&heap, 20_000, &[1]);
    poke(&heap, 20_000, &[0]);
    drop(active);
    assert_eq!(heap.changed_pages(), 0);
    heap.write(4096, &[6]).unwrap();
    assert_eq!(heap.changed_pages(), 1);
    heap.write(4096, &[5]).unwrap();
    assert_eq!(heap.changed_pages(), 0);
    heap.commit();
}

#[test]
fn grown_pages_are_compared_with_zeros_and_leave_nothing_behind() {
    let mut heap = heap(1);
    for undo in [true, false] {
        heap.begin().unwrap();
        heap.grow_to(3 * WASM_PAGE_SIZE as u64).unwrap();
        let active = heap.activate();
        poke(&heap, 2 * WASM_PAGE_SIZE, &[0; 5000]);
        poke(&heap, WASM_PAGE_SIZE + 5000, &[1]);
        drop(active);
        assert_eq!(heap.changed_pages(), 1);
        if undo {
            assert_eq!(heap.rollback(), Rollback { size_changed: true });
            assert_eq!(heap.size_bytes(), WASM_PAGE_SIZE as u64);
            assert!(heap.read(WASM_PAGE_SIZE as u64, 1).is_none());
            heap.grow_to(2 * WASM_PAGE_SIZE as u64).unwrap();
            assert!(bytes(&heap).iter().all(|byte| *byte == 0));
        } else {
            heap.commit();
            assert_eq!(bytes(&heap)[WASM_PAGE_SIZE + 5000], 1);
        }
    }
}

#[test]
fn an_execution_that_writes_the_pages_of_the_one_before_it_logs_nothing() {
    if pages_are_larger() {
        return;
    }
    let mut heap = heap(16);
    let pages = [3, 50, 51, 90, 200];
    assert_eq!(execute(&mut heap, pages, 1), 5);
    heap.commit();
    for value in 2..20 {
        assert_eq!(execute(&mut heap, pages, value), 5);
        assert_eq!(logged(&heap), 0);
        if value % 2 == 0 {
            heap.commit()
        } else {
            let _ = heap.rollback();
        }
        let expected = value / 2 * 2;
        assert!(
            pages
                .iter()
                .all(|page| bytes(&heap)[page * PAGE_SIZE + 123] == expected)
        );
    }
    assert_eq!(hot(&heap), 5);
}

#[test]
fn pages_of_queries_become_hot_too() {
    if pages_are_larger() {
        return;
    }
    let mut heap = heap(1);
    execute(&mut heap, [7], 1);
    heap.rollback();
    assert_eq!(execute(&mut heap, [7], 2), 1);
    assert_eq!(logged(&heap), 0);
    heap.rollback();
    assert!(bytes(&heap).iter().all(|byte| *byte == 0));
}

#[test]
fn pages_that_are_not_written_any_more_cool_down_together() {
    if pages_are_larger() {
        return;
    }
    let mut heap = heap(16);
    execute(&mut heap, (0..200).step_by(4), 1);
    heap.commit();
    assert_eq!(hot(&heap), 50);
    for value in 0..7 {
        execute(&mut heap, [100], value + 2);
        heap.commit();
        assert_eq!(hot(&heap), 50);
    }
    execute(&mut heap, [100], 1);
    heap.commit();
    assert_eq!(hot(&heap), 1);
    execute(&mut heap, [0, 100], 9);
    assert_eq!(logged(&heap), 1);
    heap.rollback();
}

#[test]
fn a_few_cold_pages_are_not_worth_a_call() {
    if pages_are_larger() {
        return;
    }
    let mut heap = heap(16);
    execute(&mut heap, [1, 3, 5], 1);
    heap.commit();
    for value in 0..20 {
        execute(&mut heap, [9], value + 1);
        heap.commit();
    }
    assert_eq!(hot(&heap), 4);
}

#[test]
fn fresh_pages_are_fresh_again_when_their_writes_are_undone() {
    let mut heap = heap(100);
    execute(&mut heap, (0..1600).step_by(4), 1);
    heap.rollback();
    assert!(heap.core().lock().state.iter().all(|state| *state == 0));
}

#[test]
fn writes_after_the_count_of_an_active_heap_are_kept_too() {
    let mut heap = heap(1);
    for value in 1..4 {
        heap.begin().unwrap();
        let active = heap.activate();
        assert_eq!(heap.changed_pages(), 0);
        poke(&heap, 5000, &[value]);
        heap.commit();
        drop(active);
        execute(&mut heap, [1], 9);
        heap.rollback();
        assert_eq!(bytes(&heap)[5000], value);
    }
}

#[test]
fn the_hot_set_is_bounded_and_can_be_given_up() {
    if pages_are_larger() {
        return;
    }
    let mut heap = heap(100);
    assert_eq!(execute(&mut heap, (0..1600).step_by(4), 1), 400);
    heap.commit();
    assert_eq!(hot(&heap), 0);
    assert!(
        heap.core()
            .lock()
            .state
            .iter()
            .all(|state| state & WRITABLE == 0)
    );
    execute(&mut heap, [1, 2], 2);
    heap.commit();
    assert_eq!(hot(&heap), 2);
    heap.cool();
    assert_eq!(hot(&heap), 0);
    assert_eq!(execute(&mut heap, [1], 3), 1);
    assert_eq!(logged(&heap), 1);
    heap.rollback();
    assert_eq!(bytes(&heap)[PAGE_SIZE + 123], 2);
}

#[test]
fn every_execution_of_an_upgrade_counts_its_own_changes_and_all_can_be_undone() {
    let mut heap = heap(4);
    execute(&mut heap, [1, 2], 1);
    heap.commit();
    heap.begin().unwrap();
    assert_eq!(execute(&mut heap, [1, 2, 3], 2), 3);
    heap.commit();
    assert_eq!(execute(&mut heap, [2], 1), 1);
    heap.commit();
    assert_eq!(execute(&mut heap, [3, 9], 7), 2);
    heap.rollback();
    assert_eq!(heap.changed_pages(), 2, "page 2 is as it was at first");
    heap.rollback();
    let expected = |page| u8::from(page == 1 || page == 2);
    assert!((0..64).all(|page| bytes(&heap)[page * PAGE_SIZE + 123] == expected(page)));
    assert_eq!(execute(&mut heap, [1, 3], 5), 2);
    heap.commit();
}

#[test]
fn a_fifth_level_is_refused() {
    let mut heap = heap(1);
    for _ in 0..4 {
        heap.begin().unwrap();
    }
    assert!(heap.begin().is_err());
    assert_eq!(heap.depth(), 4);
}

#[test]
fn every_other_page_of_a_gibibyte_can_be_written_and_undone() {
    let mut heap = heap(16384);
    let pages = || (0..262_144).step_by(2);
    assert_eq!(execute(&mut heap, pages(), 1), 131_072);
    heap.commit();
    assert_eq!(execute(&mut heap, pages().map(|page| page + 1), 2), 131_072);
    heap.rollback();
    assert!(
        (0..262_144).all(|page| bytes(&heap)[page * PAGE_SIZE + 123] == u8::from(page % 2 == 0))
    );
}

#[test]
fn parked_results_are_invisible_until_they_are_applied() {
    let mut heap = heap(2);
    execute(&mut heap, [1, 2], 1);
    heap.commit();
    execute(&mut heap, [2, 3], 2);
    heap.grow_to(3 * WASM_PAGE_SIZE as u64).unwrap();
    heap.write(2 * WASM_PAGE_SIZE as u64, b"new").unwrap();
    let parked = heap.park();
    assert_eq!((heap.size_bytes(), parked.size_bytes()), (131_072, 196_608));
    assert_eq!(bytes(&heap)[2 * PAGE_SIZE + 123], 1);
    execute(&mut heap, [1, 2, 3, 4], 9);
    heap.rollback();
    heap.begin().unwrap();
    heap.unpark(&parked).unwrap();
    assert_eq!(heap.changed_pages(), 3);
    assert_eq!(heap.read(2 * WASM_PAGE_SIZE as u64, 3).unwrap(), b"new");
    heap.rollback();
    assert_eq!(heap.size_bytes(), 131_072);
    heap.unpark(&parked).unwrap();
    assert_eq!(
        (
            bytes(&heap)[PAGE_SIZE + 123],
            bytes(&heap)[2 * PAGE_SIZE + 123]
        ),
        (1, 2)
    );
    assert_eq!(heap.size_bytes(), 196_608);
}

#[test]
fn ranges_outside_of_the_heap_are_refused() {
    let mut heap = heap(1);
    assert!(heap.read(65_530, 7).is_none());
    assert!(heap.read(u64::MAX, 2).is_none());
    assert_eq!(heap.read(65_536, 0), Some(&[][..]));
    assert!(heap.write(65_530, &[1; 7]).is_err());
    assert!(heap.grow_to(4 * (1 << 30) + 65_536).is_err());
    assert!(Heap::new(17 << 30, 0).is_err());
    assert!(bytes(&heap).iter().all(|byte| *byte == 0));
}

#[test]
fn a_prepared_megabyte_is_written_without_faults() {
    if pages_are_larger() {
        return;
    }
    let mut heap = heap(32);
    heap.begin().unwrap();
    heap.prepare_write(5000, 1 << 20).unwrap();
    let before = logged(&heap);
    let active = heap.activate();
    poke(&heap, 5000, &vec![1; 1 << 20]);
    drop(active);
    assert_eq!((before, logged(&heap)), (257, 257));
    assert_eq!(heap.changed_pages(), 257);
    heap.rollback();
    assert!(bytes(&heap).iter().all(|byte| *byte == 0));
}

/// Uses up the regions that a process may have, and then writes here and there. Ran by the test below in a process
/// of its own, since everything else in this one would run out of regions too.
#[test]
#[ignore = "takes all regions of the process"]
fn in_a_process_without_regions() {
    let filler = Reservation::new(200_000 * PAGE_SIZE).unwrap();
    let fill = || (0..100_000).all(|n| filler.protect(2 * n..2 * n + 1, Access::Read).is_ok());
    let mut heap = heap(256);
    heap.write(50 * PAGE_SIZE as u64, &[8; PAGE_SIZE]).unwrap();
    let pages = || (0..4096).step_by(5);
    assert!(!fill(), "this machine has no limit of regions");
    heap.begin().unwrap();
    let active = heap.activate();
    // SAFETY: the thread's own error number.
    unsafe { *errno() = 4242 };
    poke(&heap, 100 * PAGE_SIZE, &[1]);
    // SAFETY: as above.
    let error = unsafe { *errno() };
    assert_eq!(
        error, 4242,
        "the code that faulted does not see our failures"
    );
    drop(active);
    heap.rollback();
    for (value, undo) in [(1, true), (2, false), (3, true)] {
        assert_eq!(execute(&mut heap, pages(), value), 820);
        if undo {
            heap.rollback();
        } else {
            heap.commit();
        }
        let expected = |page| match page % 5 {
            0 if value > 1 => 2,
            _ => 8 * u8::from(page == 50),
        };
        assert!((0..4096).all(|page| bytes(&heap)[page * PAGE_SIZE + 123] == expected(page)));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn without_regions_the_heap_opens_and_closes_in_one_piece() {
    alone(module_path!(), "in_a_process_without_regions");
}

/// Runs an ignored test in a process of its own.
pub(super) fn alone(module: &str, name: &str) {
    let (_, module) = module.split_once("::").unwrap();
    let name = format!("{module}::{name}");
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    passes(child.args(["--ignored", "--exact", &name]));
}

/// One test passes in this process of its own.
fn passes(child: &mut std::process::Command) {
    let output = child.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}"
    );
}
