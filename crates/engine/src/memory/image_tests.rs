//! What images of a heap promise: they share pages, and cost what has changed.

use super::tests::{bytes, execute, heap};
use super::{Heap, Image, PAGE_SIZE, WASM_PAGE_SIZE};

#[test]
fn an_image_holds_the_pages_that_are_not_zero_and_makes_an_equal_heap() {
    let mut heap = heap(20);
    heap.write(100_000, &[1; 5000]).unwrap();
    heap.write(0, &[0; 5000]).unwrap();
    execute(&mut heap, [250], 3);
    heap.commit();
    let image = heap.image();
    let pages: Vec<u64> = image.pages().map(|(page, _)| page).collect();
    assert_eq!(pages, [24, 25, 250]);
    let mut copy = Heap::from_image(&image, 4 << 30, 0).unwrap();
    assert!(bytes(&copy) == bytes(&heap));
    assert_eq!(copy.image(), image);
    assert_eq!(execute(&mut copy, [250], 3), 0);
    copy.commit();
    assert!(Heap::from_image(&image, WASM_PAGE_SIZE as u64, 0).is_err());
}

#[test]
fn images_share_the_pages_that_did_not_change_between_them() {
    let mut heap = heap(100);
    execute(&mut heap, 0..1600, 1);
    heap.commit();
    let first = heap.snapshot();
    execute(&mut heap, [7, 900], 2);
    heap.commit();
    execute(&mut heap, 20..30, 3);
    heap.rollback();
    assert_eq!(heap.core().lock().dirty, [7, 900]);
    let second = heap.snapshot();
    assert_eq!(first.shared().differing(second.shared()), [7, 900]);
    assert!(heap.core().lock().dirty.is_empty());
    heap.restore(&first).unwrap();
    assert_eq!(heap.image(), first);
    let mut fork = Heap::from_image(&second, 4 << 30, 0).unwrap();
    assert!(
        fork.snapshot()
            .shared()
            .differing(second.shared())
            .is_empty()
    );
    assert_eq!(execute(&mut fork, [7, 8], 2), 1, "page 7 holds a 2 already");
    fork.rollback();
    assert!(Heap::from_image(&second, 65536, 0).is_err());
}

/// Forks that nobody runs cost no memory, also when they are forked again.
#[test]
fn a_heap_made_of_an_image_is_filled_when_its_content_is_needed() {
    let mut first = heap(2);
    first.write(5 * PAGE_SIZE as u64, &[7; PAGE_SIZE]).unwrap();
    let image = first.snapshot();
    let touched = |heap: &Heap| heap.core().lock().state.iter().any(|state| *state != 0);
    let mut second = Heap::from_image(&image, 4 << 30, 0).unwrap();
    let mut third = Heap::from_image(&second.snapshot(), 4 << 30, 0).unwrap();
    assert!(second.image() == image && second.size_bytes() == first.size_bytes());
    assert!(!touched(&second) && !touched(&third));
    third.begin().unwrap();
    assert!(touched(&third) && third.changed_pages() == 0);
    third.commit();
    second
        .restore(&Image::zeroed(WASM_PAGE_SIZE as u64))
        .unwrap();
    assert!(!touched(&second));
    assert!(bytes(&second) == [0; WASM_PAGE_SIZE]);
    assert!(bytes(&third) == bytes(&first));
}
