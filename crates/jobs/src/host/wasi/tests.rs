use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::host::Surroundings;
use crate::host::abi::{fdflags, oflags, rights};
use crate::job::{Deadline, Determinism, Job, JobLimits, Stream};
use crate::rpc::{Fixture, Service, Session, Terms};

const REQUEST: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"}"#;

fn guest() -> Guest {
    let fixture = Fixture::parse(r#"{"chains":{"1":{"blockNumber":"0x10"}}}"#).unwrap();
    let job = Job {
        stdin: b"{}\n".to_vec(),
        entry: None,
        args: vec!["x".into()],
        limits: JobLimits {
            timeout: Duration::from_secs(60),
            stdout: 10,
            stderr: 10,
            memory: 1 << 20,
            table_elements: 10,
            fuel: None,
            files: 3,
            file_bytes: 200,
            rpc_calls: 9,
        },
        deterministic: Some(Determinism::default()),
        chain: None,
        block: None,
        request_file: "q".into(),
        response_file: "r".into(),
        work_dir: "/job".into(),
        compat: false,
    };
    let service = Service {
        fixture: Some(Arc::new(fixture)),
        ..Service::default()
    };
    let around = Surroundings {
        deadline: Deadline::new(Duration::from_secs(60), Arc::default(), None),
        rpc: Box::new(Session::new(Arc::new(service), Terms::of(&job))),
        log: None,
    };
    Guest::new(job, "hash.wasm", Some(1), around)
}

/// A guest with its memory: paths and data at 0, vectors at 2000, results at 3000.
struct Bench {
    guest: Guest,
    bytes: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        Bench {
            guest: guest(),
            bytes: vec![0; 4096],
        }
    }

    fn open(&mut self, path: &str, how: u16, rights: u64) -> Result<u32, Halt> {
        self.bytes[..path.len()].copy_from_slice(path.as_bytes());
        let mut memory = Linear(&mut self.bytes);
        paths::path_open(
            &mut memory,
            &mut self.guest,
            3,
            0,
            0,
            path.len() as u32,
            how.into(),
            rights,
            0,
            0,
            3000,
        )?;
        Ok(memory.u32(3000).unwrap())
    }

    fn write(&mut self, fd: u32, data: &[u8]) -> Result<u32, Halt> {
        self.bytes[..data.len()].copy_from_slice(data);
        let mut memory = Linear(&mut self.bytes);
        memory.write(2000, &[0; 4]).unwrap();
        memory
            .write(2004, &(data.len() as u32).to_le_bytes())
            .unwrap();
        files::fd_write(&mut memory, &mut self.guest, fd, 2000, 1, 3000)?;
        Ok(memory.u32(3000).unwrap())
    }

    fn read(&mut self, fd: u32) -> Vec<u8> {
        let mut memory = Linear(&mut self.bytes);
        memory.write(2000, &1000_u32.to_le_bytes()).unwrap();
        memory.write(2004, &900_u32.to_le_bytes()).unwrap();
        files::fd_read(&mut memory, &mut self.guest, fd, 2000, 1, 3000).unwrap();
        let len = memory.u32(3000).unwrap();
        memory.slice(1000, len).unwrap().to_vec()
    }

    fn close(&mut self, fd: u32) {
        files::fd_close(&mut Linear(&mut self.bytes), &mut self.guest, fd).unwrap();
    }

    fn stat(&mut self, path: &str) -> Done {
        self.bytes[..path.len()].copy_from_slice(path.as_bytes());
        let mut memory = Linear(&mut self.bytes);
        paths::path_filestat_get(
            &mut memory,
            &mut self.guest,
            3,
            0,
            0,
            path.len() as u32,
            3000,
        )
    }

    fn put(&mut self, path: &str, data: &[u8]) {
        let fd = self
            .open(path, oflags::CREATE | oflags::TRUNCATE, rights::WRITE)
            .unwrap();
        self.write(fd, data).unwrap();
        self.close(fd);
    }
}

fn errno<T: std::fmt::Debug>(done: Result<T, Halt>) -> Errno {
    match done {
        Err(Halt::Errno(errno)) => errno,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_is_there_when_the_guest_looks() {
    let mut bench = Bench::new();
    bench.put("q", REQUEST);
    bench.stat("r").unwrap();
    let fd = bench.open("r", 0, rights::READ).unwrap();
    assert_eq!(
        bench.read(fd),
        br#"{"jsonrpc":"2.0","id":1,"result":"0x10"}"#
    );
    assert_eq!(bench.guest.rpc.spent().calls, 1);
    // Both files can be deleted, the request is still there.
    for path in [b"q", b"r"] {
        bench.bytes[..1].copy_from_slice(path);
        paths::path_unlink_file(&mut Linear(&mut bench.bytes), &mut bench.guest, 3, 0, 1).unwrap();
    }
    assert_eq!(errno(bench.stat("r")), Errno::NOENT);
}

#[test]
fn a_request_is_answered_when_nobody_writes_to_it() {
    let mut bench = Bench::new();
    let fd = bench.open("q", oflags::CREATE, rights::WRITE).unwrap();
    assert_eq!(errno(bench.stat("r")), Errno::NOENT);
    bench.write(fd, &REQUEST[..9]).unwrap();
    assert_eq!(errno(bench.stat("r")), Errno::NOENT);
    bench.write(fd, &REQUEST[9..]).unwrap();
    bench.close(fd);
    bench.stat("r").unwrap();
    bench.stat("r").unwrap();
    assert_eq!(bench.guest.rpc.spent().calls, 1);
}

#[test]
fn an_unread_answer_is_never_that_of_the_next_request() {
    let mut bench = Bench::new();
    bench.put("q", REQUEST);
    bench.stat("r").unwrap();
    bench.put("q", br#"{"jsonrpc":"2.0","id":2,"method":"net_version"}"#);
    let fd = bench.open("r", 0, rights::READ).unwrap();
    assert_eq!(bench.read(fd), br#"{"jsonrpc":"2.0","id":2,"result":"1"}"#);
}

#[test]
fn a_request_may_be_renamed_into_place() {
    let mut bench = Bench::new();
    bench.put("t", REQUEST);
    bench.bytes[..2].copy_from_slice(b"tq");
    paths::path_rename(
        &mut Linear(&mut bench.bytes),
        &mut bench.guest,
        3,
        0,
        1,
        3,
        1,
        1,
    )
    .unwrap();
    bench.stat("r").unwrap();
}

#[test]
fn files_are_kept_in_memory_within_limits() {
    let mut bench = Bench::new();
    let fd = bench
        .open("f", oflags::CREATE, rights::READ | rights::WRITE)
        .unwrap();
    assert_eq!(fd, 4);
    assert_eq!(bench.write(fd, &[7; 200]).unwrap(), 200);
    assert_eq!(errno(bench.write(fd, &[7])), Errno::NOSPC);
    bench.open("g", oflags::CREATE, rights::WRITE).unwrap();
    bench.open("h", oflags::CREATE, rights::WRITE).unwrap();
    assert_eq!(
        errno(bench.open("i", oflags::CREATE, rights::WRITE)),
        Errno::NOSPC
    );
    assert_eq!(
        errno(bench.open("g", oflags::CREATE | oflags::EXCLUSIVE, 0)),
        Errno::EXIST
    );
    assert_eq!(errno(bench.open("g", oflags::DIRECTORY, 0)), Errno::NOTDIR);
    assert_eq!(errno(bench.open("../x", 0, 0)), Errno::NOTCAPABLE);
    let mut memory = Linear(&mut bench.bytes);
    files::fd_seek(&mut memory, &mut bench.guest, fd, -3, 2, 3000).unwrap();
    assert_eq!(memory.u64(3000).unwrap(), 197);
    assert_eq!(bench.read(fd), [7; 3]);
}

#[test]
fn appending_goes_to_the_end() {
    let mut bench = Bench::new();
    bench.put("f", b"ab");
    let fd = bench.open("f", 0, rights::WRITE).unwrap();
    files::fd_fdstat_set_flags(
        &mut Linear(&mut bench.bytes),
        &mut bench.guest,
        fd,
        fdflags::APPEND.into(),
    )
    .unwrap();
    bench.write(fd, b"c").unwrap();
    let fd = bench.open("f", 0, rights::READ).unwrap();
    assert_eq!(bench.read(fd), b"abc");
}

#[test]
fn streams_have_their_limits_and_do_not_seek() {
    let mut bench = Bench::new();
    assert_eq!(bench.read(0), b"{}\n");
    assert_eq!(bench.read(0), b"");
    bench.write(1, &[b'x'; 10]).unwrap();
    assert_eq!(
        bench.write(1, b"x"),
        Err(Halt::Stop(Stop::Output(Stream::Stdout)))
    );
    let mut memory = Linear(&mut bench.bytes);
    assert_eq!(
        errno(files::fd_seek(&mut memory, &mut bench.guest, 0, 0, 0, 3000)),
        Errno::SPIPE
    );
    assert_eq!(
        errno(files::fd_prestat_get(
            &mut memory,
            &mut bench.guest,
            4,
            3000
        )),
        Errno::BADF
    );
    assert_eq!(
        errno(files::fd_write(
            &mut memory,
            &mut bench.guest,
            1,
            4095,
            1,
            3000
        )),
        Errno::FAULT
    );
}

#[test]
fn a_deterministic_sleep_takes_no_time() {
    let mut bench = Bench::new();
    let started = std::time::Instant::now();
    let mut memory = Linear(&mut bench.bytes);
    memory.write(16, &1_u32.to_le_bytes()).unwrap();
    memory
        .write(24, &3_600_000_000_000_u64.to_le_bytes())
        .unwrap();
    poll::poll_oneoff(&mut memory, &mut bench.guest, 0, 100, 1, 3000).unwrap();
    assert_eq!(memory.u32(3000).unwrap(), 1);
    process::clock_time_get(&mut memory, &mut bench.guest, 1, 0, 3000).unwrap();
    assert_eq!(memory.u64(3000).unwrap(), 3_600_000_000_000);
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn arguments_and_variables_are_those_of_the_job() {
    let mut bench = Bench::new();
    let mut memory = Linear(&mut bench.bytes);
    process::args_sizes_get(&mut memory, &mut bench.guest, 0, 4).unwrap();
    assert_eq!((memory.u32(0).unwrap(), memory.u32(4).unwrap()), (2, 12));
    process::environ_get(&mut memory, &mut bench.guest, 0, 100).unwrap();
    assert_eq!(memory.slice(100, 23).unwrap(), b"WASM_RPC_WORK_DIR=/job\0");
    assert_eq!(
        errno(process::clock_time_get(
            &mut memory,
            &mut bench.guest,
            2,
            0,
            0
        )),
        Errno::NOTSUP
    );
}
