//! The handler of memory faults: a write to a page of the thread's active heap that is not open yet is logged and
//! tried again, and so is the first access to a Wasm page of a heap that is followed; every other fault goes to the handler that was there before, wasmtime's, which makes traps of them.

use super::activation::active;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Writes to protected memory are SIGSEGV on Linux and SIGBUS on macOS.
const SIGNALS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// What handled the signals before us, in the order of [`SIGNALS`]; never freed.
type Previous = [AtomicPtr<libc::sigaction>; 2];

/// By [`Place`].
static PREVIOUS: [Previous; 2] = [const { [const { AtomicPtr::new(ptr::null_mut()) }; 2] }; 2];

/// Where in the chain of handlers ours stands; it stands at most once at each place.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// Before what was there when the first heap was made: all that code needs which is not machine code of wasmtime's.
    First = 0,
    /// Before wasmtime's, which takes every fault of its machine code for a trap. That it hands on comes to the first.
    BeforeWasmtime = 1,
}

/// Installs the handler at a place, once per process. Before wasmtime's, an engine must have been made, which installs that; all
/// engines of the process must be set up by `configure`, since on macOS wasmtime would otherwise see faults before any
/// signal handler does.
///
/// # Panics
///
/// If the system does not let us handle signals.
pub(super) fn install_fault_handler(place: Place) {
    static INSTALL: [Once; 2] = [const { Once::new() }; 2];
    INSTALL[place as usize].call_once(|| {
        let handler = match place {
            Place::First => handle::<{ Place::First as usize }> as *const (),
            Place::BeforeWasmtime => handle::<{ Place::BeforeWasmtime as usize }> as *const (),
        };
        for (signal, previous) in SIGNALS.into_iter().zip(&PREVIOUS[place as usize]) {
            // SAFETY: all-zero is a valid `sigaction`, which the system fills in or we do.
            let (mut old, mut new): (libc::sigaction, libc::sigaction) =
                unsafe { std::mem::zeroed() };
            // SAFETY: asks for the present action only.
            let asked = unsafe { libc::sigaction(signal, ptr::null(), &mut old) };
            assert_eq!(asked, 0, "the system tells how a signal is handled");
            previous.store(Box::into_raw(Box::new(old)), Ordering::Release);
            new.sa_sigaction = handler.addr();
            // On the alternate stack, since the fault may be an overflow of the normal one; and not deferred, since
            // wasmtime's handler does not return from a trap in the usual way.
            new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
            // SAFETY: `handle` has the signature that SA_SIGINFO asks for, and does only what a handler may.
            let installed = unsafe {
                libc::sigemptyset(&mut new.sa_mask);
                libc::sigaction(signal, &new, ptr::null_mut())
            };
            assert_eq!(installed, 0, "the system lets us handle a signal");
        }
    });
}

/// # Safety
///
/// Called by the system with the arguments of a SA_SIGINFO handler.
unsafe extern "C" fn handle<const PLACE: usize>(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the system gives a valid `info` of a memory fault.
    let address = unsafe { (*info).si_addr() }.addr();
    // SAFETY: the system gives a valid context.
    let write = unsafe { is_write(context) };
    if opens_page(address, write) {
        return;
    }
    // SAFETY: the arguments are passed on as they came.
    unsafe { pass_on(&PREVIOUS[PLACE], signal, info, context) }
}

/// Opens the page at this address if it is one of the active heap that waits to be written.
fn opens_page(address: usize, write: Option<bool>) -> bool {
    let Some(core) = active() else {
        return false;
    };
    let Some(page) = core.page_of(address) else {
        return false;
    };
    // A fault while the tracker is in use would be a bug in this room: let the process end.
    let Some(mut tracker) = core.try_lock() else {
        return false;
    };
    let errno = errno();
    // SAFETY: a thread's own error number may always be read and written.
    let saved = unsafe { *errno };
    let opened = tracker.fault(page, write);
    // SAFETY: as above. The code that was interrupted may be about to look at it.
    unsafe { *errno = saved };
    opened
}

/// Whether the fault was a write, where the machine tells it in a way that we know.
///
/// # Safety
///
/// The context must be that of a handler.
unsafe fn is_write(context: *mut libc::c_void) -> Option<bool> {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    {
        /// The bit of the processor's error code that says so.
        const WRITE: i64 = 2;
        // SAFETY: the context of a handler is of this type.
        let context = unsafe { &*context.cast::<libc::ucontext_t>() };
        Some(context.uc_mcontext.gregs[libc::REG_ERR as usize] & WRITE != 0)
    }
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
    {
        let _ = context;
        None
    }
}

/// Where this thread's error number is.
pub(super) fn errno() -> *mut libc::c_int {
    // SAFETY: gives the address of a thread-local variable.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::__errno_location()
    }
    // SAFETY: as above, under the name it has on the BSDs and macOS.
    #[cfg(not(target_os = "linux"))]
    unsafe {
        libc::__error()
    }
}

/// Does what would have happened without us.
///
/// # Safety
///
/// The arguments must be those of the handler.
unsafe fn pass_on(
    previous: &Previous,
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    let index = usize::from(signal == SIGNALS[1]);
    // SAFETY: stored before the handler was installed, and never freed.
    let previous = unsafe { &*previous[index].load(Ordering::Acquire) };
    let action = previous.sa_sigaction;
    if action == libc::SIG_DFL || action == libc::SIG_IGN {
        // Back to the default: the fault happens again on return and ends the process as it should. (To ignore a
        // fault is not possible.)
        // SAFETY: all-zero is a valid action, and the default one.
        unsafe {
            let default: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, &default, ptr::null_mut());
        }
    } else if previous.sa_flags & libc::SA_SIGINFO != 0 {
        type Action = unsafe extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
        // SAFETY: with SA_SIGINFO the action is a function of this type.
        unsafe { std::mem::transmute::<usize, Action>(action)(signal, info, context) }
    } else {
        // SAFETY: without SA_SIGINFO, and being neither of the two constants, it is a function of this type.
        unsafe { std::mem::transmute::<usize, unsafe extern "C" fn(libc::c_int)>(action)(signal) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signal that ends a child process in which `crash` runs.
    fn signal_of(crash: fn()) -> libc::c_int {
        // SAFETY: the child only runs `crash`, which neither allocates nor takes locks, and ends.
        unsafe {
            let child = libc::fork();
            assert!(child >= 0);
            if child == 0 {
                crash();
                libc::_exit(0);
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &mut status, 0), child);
            assert!(libc::WIFSIGNALED(status), "the child ended in peace");
            libc::WTERMSIG(status)
        }
    }

    #[test]
    fn a_fault_of_nobody_still_ends_the_process() {
        let mut config = wasmtime::Config::new();
        drop(wasmtime::Engine::new(config.macos_use_mach_ports(false)).unwrap());
        for place in [Place::First, Place::BeforeWasmtime] {
            install_fault_handler(place);
            // SAFETY: not safe at all, which is the point: the child process has to die of it.
            let signal = signal_of(|| unsafe {
                std::ptr::without_provenance_mut::<u8>(64).write_volatile(1)
            });
            assert!(SIGNALS.contains(&signal));
        }
    }
}
