//! WASI preview 1 in memory. One file per concept; the functions themselves know nothing of the engine and work on a
//! slice of memory and the guest's state, so that they can be tested without any Wasm.

mod files;
mod paths;
mod poll;
mod process;

use wasmtime::{Caller, Extern, Linker, Memory};

use super::abi::Errno;
use super::guest::Guest;
use super::linear::Linear;
use crate::job::Stop;

/// The name under which guests import.
pub(super) const MODULE: &str = "wasi_snapshot_preview1";

/// Why a function did not do what it should.
#[derive(Debug, PartialEq)]
enum Halt {
    /// The guest is told.
    Errno(Errno),
    /// The guest ends.
    Stop(Stop),
}

impl From<Errno> for Halt {
    fn from(errno: Errno) -> Self {
        Halt::Errno(errno)
    }
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        Halt::Stop(stop)
    }
}

type Done = Result<(), Halt>;

/// How every host function begins: with a look at the time, and with the memory that the guest exports. Machine code
/// looks at the time in loops and at the beginning of functions, and one function may be a long row of host calls.
///
/// # Errors
/// If the job must stop, or the guest exports no memory: host functions have nothing to work on.
pub(super) fn begin(caller: &mut Caller<'_, Guest>) -> wasmtime::Result<Memory> {
    caller.data_mut().deadline.tick()?;
    if let Some(memory) = caller.data().memory {
        return Ok(memory);
    }
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => {
            caller.data_mut().memory = Some(memory);
            Ok(memory)
        }
        _ => Err(wasmtime::Error::msg(
            "the module exports no memory named \"memory\"",
        )),
    }
}

fn enter(
    caller: &mut Caller<'_, Guest>,
    function: impl FnOnce(&mut Linear<'_>, &mut Guest) -> Done,
) -> wasmtime::Result<i32> {
    let memory = begin(caller)?;
    let (bytes, guest) = memory.data_and_store_mut(caller);
    match function(&mut Linear(bytes), guest) {
        Ok(()) => Ok(0),
        Err(Halt::Errno(errno)) => Ok(errno.code()),
        Err(Halt::Stop(stop)) => Err(stop.into()),
    }
}

macro_rules! functions {
    ($linker:ident; $($name:ident($($arg:ident: $ty:ty),*) = $function:path;)*) => {
        $($linker.func_wrap(
            MODULE,
            stringify!($name),
            |mut caller: Caller<'_, Guest>, $($arg: $ty),*| {
                enter(&mut caller, |memory, guest| $function(memory, guest, $($arg as _),*))
            },
        )?;)*
    };
}

/// Adds every function of preview 1.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    functions! { linker;
        args_get(pointers: i32, bytes: i32) = process::args_get;
        args_sizes_get(count: i32, size: i32) = process::args_sizes_get;
        environ_get(pointers: i32, bytes: i32) = process::environ_get;
        environ_sizes_get(count: i32, size: i32) = process::environ_sizes_get;
        clock_res_get(id: i32, to: i32) = process::clock_res_get;
        clock_time_get(id: i32, precision: i64, to: i32) = process::clock_time_get;
        random_get(at: i32, len: i32) = process::random_get;
        sched_yield() = process::sched_yield;
        proc_raise(signal: i32) = process::proc_raise;
        poll_oneoff(subscriptions: i32, events: i32, count: i32, to: i32) = poll::poll_oneoff;
        fd_advise(fd: i32, offset: i64, len: i64, advice: i32) = files::fd_advise;
        fd_allocate(fd: i32, offset: i64, len: i64) = files::fd_allocate;
        fd_close(fd: i32) = files::fd_close;
        fd_datasync(fd: i32) = files::fd_sync;
        fd_fdstat_get(fd: i32, to: i32) = files::fd_fdstat_get;
        fd_fdstat_set_flags(fd: i32, flags: i32) = files::fd_fdstat_set_flags;
        fd_fdstat_set_rights(fd: i32, base: i64, inheriting: i64) = files::fd_fdstat_set_rights;
        fd_filestat_get(fd: i32, to: i32) = files::fd_filestat_get;
        fd_filestat_set_size(fd: i32, size: i64) = files::fd_filestat_set_size;
        fd_filestat_set_times(fd: i32, accessed: i64, modified: i64, flags: i32) = files::fd_filestat_set_times;
        fd_pread(fd: i32, vectors: i32, count: i32, offset: i64, to: i32) = files::fd_pread;
        fd_prestat_get(fd: i32, to: i32) = files::fd_prestat_get;
        fd_prestat_dir_name(fd: i32, at: i32, len: i32) = files::fd_prestat_dir_name;
        fd_pwrite(fd: i32, vectors: i32, count: i32, offset: i64, to: i32) = files::fd_pwrite;
        fd_read(fd: i32, vectors: i32, count: i32, to: i32) = files::fd_read;
        fd_readdir(fd: i32, at: i32, len: i32, cookie: i64, to: i32) = paths::fd_readdir;
        fd_renumber(fd: i32, to: i32) = files::fd_renumber;
        fd_seek(fd: i32, offset: i64, whence: i32, to: i32) = files::fd_seek;
        fd_sync(fd: i32) = files::fd_sync;
        fd_tell(fd: i32, to: i32) = files::fd_tell;
        fd_write(fd: i32, vectors: i32, count: i32, to: i32) = files::fd_write;
        path_create_directory(fd: i32, path: i32, len: i32) = paths::path_create_directory;
        path_filestat_get(fd: i32, flags: i32, path: i32, len: i32, to: i32) = paths::path_filestat_get;
        path_filestat_set_times(fd: i32, lookup: i32, path: i32, len: i32, accessed: i64, modified: i64, flags: i32)
            = paths::path_filestat_set_times;
        path_open(fd: i32, lookup: i32, path: i32, len: i32, how: i32, rights: i64, inheriting: i64, flags: i32, to: i32)
            = paths::path_open;
        path_remove_directory(fd: i32, path: i32, len: i32) = paths::path_remove_directory;
        path_rename(fd: i32, path: i32, len: i32, new_fd: i32, new_path: i32, new_len: i32) = paths::path_rename;
        path_unlink_file(fd: i32, path: i32, len: i32) = paths::path_unlink_file;
    }
    linker.func_wrap(MODULE, "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(Stop::Exit(code as u32).into())
    })?;
    add_unsupported(linker)
}

/// What there is no use for: links in a directory in memory, and sockets without a network.
fn add_unsupported(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let no = Errno::NOTSUP.code();
    linker.func_wrap(
        MODULE,
        "path_link",
        move |_: i32, _: i32, _: i32, _: i32, _: i32, _: i32, _: i32| no,
    )?;
    linker.func_wrap(
        MODULE,
        "path_readlink",
        move |_: i32, _: i32, _: i32, _: i32, _: i32, _: i32| no,
    )?;
    linker.func_wrap(
        MODULE,
        "path_symlink",
        move |_: i32, _: i32, _: i32, _: i32, _: i32| no,
    )?;
    linker.func_wrap(MODULE, "sock_accept", move |_: i32, _: i32, _: i32| no)?;
    linker.func_wrap(
        MODULE,
        "sock_recv",
        move |_: i32, _: i32, _: i32, _: i32, _: i32, _: i32| no,
    )?;
    linker.func_wrap(
        MODULE,
        "sock_send",
        move |_: i32, _: i32, _: i32, _: i32, _: i32| no,
    )?;
    linker.func_wrap(MODULE, "sock_shutdown", move |_: i32, _: i32| no)?;
    Ok(())
}

#[cfg(test)]
mod tests;
