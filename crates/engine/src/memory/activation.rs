//! The heap that code of this thread runs on.

use super::core::Core;
use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;

thread_local! {
    /// The heap whose faults this thread handles. Constant and without destructor, so that the handler may read it.
    static ACTIVE: Cell<*const Core> = const { Cell::new(ptr::null()) };
}

/// While it lives, the heap is the one of this thread. Activations nest; the last one counts. They should
/// end in the reverse order of their begin, as guards in nested blocks do; a heap for which they do not is leaked.
#[must_use = "the heap is active while this lives"]
pub struct Activation {
    core: Arc<Core>,
    outer: *const Core,
    /// The activation belongs to its thread.
    not_send: PhantomData<*const ()>,
}

impl Activation {
    pub(super) fn new(core: Arc<Core>) -> Self {
        core.begin_activation();
        let outer = ACTIVE.replace(Arc::as_ptr(&core));
        Activation {
            core,
            outer,
            not_send: PhantomData,
        }
    }
}

impl Drop for Activation {
    fn drop(&mut self) {
        self.core.end_activation();
        let mut tracker = self.core.lock_veiled();
        tracker.unfollow();
        if self.core.is_active() {
            tracker.unveil();
        }
        drop(tracker);
        if ACTIVE.get() == Arc::as_ptr(&self.core) {
            ACTIVE.set(self.outer);
        } else {
            // A later activation is still there and will make this heap the active one when it ends.
            std::mem::forget(self.core.clone());
        }
    }
}

/// The active heap of this thread. Safe to call in a signal handler.
#[cfg(unix)]
pub(super) fn active() -> Option<&'static Core> {
    // SAFETY: the activation that put the pointer there holds the heap's core, ends on this thread, and takes the
    // pointer away or leaks the core; who asks uses it before it goes on.
    unsafe { ACTIVE.get().as_ref() }
}

#[cfg(test)]
mod tests {
    use super::super::Heap;
    use super::*;

    #[test]
    fn activations_nest() {
        let mut heaps = [
            Heap::new(1 << 20, 0).unwrap(),
            Heap::new(1 << 20, 0).unwrap(),
        ];
        for heap in &mut heaps {
            heap.begin().unwrap();
        }
        let [first, second] = &mut heaps;
        let outer = first.activate();
        let inner = second.activate();
        assert_eq!(ACTIVE.get(), Arc::as_ptr(second.core()));
        drop(inner);
        assert_eq!(ACTIVE.get(), Arc::as_ptr(first.core()));
        drop(outer);
        assert!(ACTIVE.get().is_null());
    }

    #[test]
    fn activations_that_end_in_the_wrong_order_leave_no_dangling_heap() {
        let mut heaps = [
            Heap::new(1 << 20, 0).unwrap(),
            Heap::new(1 << 20, 0).unwrap(),
        ];
        for heap in &mut heaps {
            heap.begin().unwrap();
        }
        let watched = Arc::downgrade(heaps[0].core());
        let outer = heaps[0].activate();
        let inner = heaps[1].activate();
        drop(outer);
        drop(heaps);
        drop(inner);
        assert_eq!(ACTIVE.get(), watched.as_ptr());
        assert!(
            watched.upgrade().is_some(),
            "the handler may still look at it"
        );
        ACTIVE.set(ptr::null());
    }
}
