//! Guests as Wasm text. They know nothing of each other; each does one thing.

/// Functions that guests may import, with a short name each.
const IMPORTS: &str = r#"
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir" (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename" (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
"#;

/// Functions that guests are made of. Bytes 0 to 63 are theirs.
const HELPERS: &str = r#"
  (func $print (param $fd i32) (param $at i32) (param $len i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $len))
    (drop (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $digits (param $value i64)
    (local $at i32)
    (local.set $at (i32.const 63))
    (loop $next
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $value) (i64.const 10)))))
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (local.set $value (i64.div_u (local.get $value) (i64.const 10)))
      (br_if $next (i64.ne (local.get $value) (i64.const 0))))
    (call $print (i32.const 1) (i32.add (local.get $at) (i32.const 1)) (i32.sub (i32.const 63) (local.get $at))))
  (func $sleep (param $nanoseconds i64)
    (memory.fill (i32.const 64) (i32.const 0) (i32.const 48))
    (i32.store (i32.const 80) (i32.const 1))
    (i64.store (i32.const 88) (local.get $nanoseconds))
    (drop (call $poll (i32.const 64) (i32.const 112) (i32.const 1) (i32.const 144))))
"#;

/// A module from its text.
pub(crate) fn text(source: &str) -> Vec<u8> {
    wat::parse_str(source).unwrap_or_else(|error| panic!("{error}\n{source}"))
}

/// A guest that runs `body` and has `data` from byte 1024 on.
pub(crate) fn guest(data: &str, body: &str) -> Vec<u8> {
    guest_with("run", data, "", body)
}

/// A guest with another entry and more functions.
pub(crate) fn guest_with(entry: &str, data: &str, more: &str, body: &str) -> Vec<u8> {
    let data = data
        .bytes()
        .map(|byte| format!("\\{byte:02x}"))
        .collect::<String>();
    text(&format!(
        "(module {IMPORTS} (memory (export \"memory\") 2) (data (i32.const 1024) \"{data}\") {HELPERS} {more} (func (export \"{entry}\") {body}))"
    ))
}

/// Code that prints bytes from 1024 on.
pub(crate) fn print(fd: u32, len: usize) -> String {
    format!("(call $print (i32.const {fd}) (i32.const 1024) (i32.const {len}))")
}

/// A guest that prints one text.
pub(crate) fn prints(output: &str) -> Vec<u8> {
    guest(output, &print(1, output.len()))
}

/// The guests of the original's table, by name.
pub(crate) fn named(name: &str) -> Vec<u8> {
    const OK: &str = "{\"ok\":true,\"result\":{\"a\":1}}\n";
    let and_then = |more: &str| guest(OK, &(print(1, OK.len()) + more));
    match name {
        "ok" => prints(OK),
        "two" => prints("\n\n  {\"first\":1}\n{\"second\":2}\n"),
        "nonl" => prints("{\"x\":1}"),
        "scalar" => prints("42"),
        "notjson" => prints("hello\n"),
        "empty" => guest("", ""),
        "stderr" => guest("warn\n", &print(2, 5)),
        "startonly" => guest_with("_start", "{\"via\":\"_start\"}", "", &print(1, 16)),
        "norun" => guest_with("main", "", "", ""),
        "trap" => guest("", "unreachable"),
        "okthentrap" => and_then("unreachable"),
        "loop" => guest("", "(loop $on (br $on))"),
        "recurse" => guest_with(
            "run",
            "",
            "(func $deep (call $deep) (call $deep))",
            "(call $deep)",
        ),
        "exit3" => and_then("(call $exit (i32.const 3))"),
        "exit0" => and_then("(call $exit (i32.const 0))"),
        "ret" => text(
            "(module (memory (export \"memory\") 1) (func (export \"run\") (result i32) (i32.const 7)))",
        ),
        "arg" => {
            text("(module (memory (export \"memory\") 1) (func (export \"run\") (param i32)))")
        }
        "badimport" => text("(module (import \"env\" \"foo\" (func)) (func (export \"run\")))"),
        "flood" => guest(
            "",
            "(loop $on (call $print (i32.const 1) (i32.const 0) (i32.const 65536)) (br $on))",
        ),
        "floods" => guest(
            "",
            "(loop $on (call $print (i32.const 2) (i32.const 1024) (i32.const 65536)) (br $on))",
        ),
        "garbage" => b"hello world".to_vec(),
        "short" => b"\0asm".to_vec(),
        "grow" => guest_with("run", "", "", GROW),
        "growtrap" => guest_with("run", "", "", &format!("{GROW} unreachable")),
        "sleep60" => guest("", "(call $sleep (i64.const 60000000000))"),
        "sleep1" => guest(
            OK,
            &format!(
                "(call $sleep (i64.const 1000000000)) {}",
                print(1, OK.len())
            ),
        ),
        "clock" => guest(
            "",
            "(loop $on (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 64))) (br $on))",
        ),
        other => panic!("no guest {other}"),
    }
}

const GROW: &str = "(loop $on (br_if $on (i32.ne (memory.grow (i32.const 256)) (i32.const -1))))";

/// Requests of the RPC guests.
pub(crate) const BLOCK: &str = r#"{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}"#;
pub(crate) const BALANCE: &str =
    r#"{"jsonrpc":"2.0","id":2,"method":"eth_getBalance","params":["0x0","latest"]}"#;

/// How a guest does RPC by files.
#[derive(Clone, Copy, Default)]
pub(crate) struct Files {
    /// Nanoseconds between two looks.
    pub(crate) sleep: u64,
    /// Traps if the request is gone before it is deleted.
    pub(crate) strict: bool,
    /// Writes to another name first.
    pub(crate) rename: bool,
    /// Looks by listing the directory.
    pub(crate) list: bool,
    /// Does not look for the answer to its first request.
    pub(crate) skip_first: bool,
    /// Never looks.
    pub(crate) never: bool,
}

/// A guest that asks two questions by files, with the system calls of the original's example, and prints both answers
/// as an array.
pub(crate) fn rpc_guest(how: Files, requests: [&str; 2]) -> Vec<u8> {
    const REQUEST: &str = "wasm_rpc_request.json";
    const RESPONSE: &str = "wasm_rpc_response.json";
    let data = format!("{REQUEST}{RESPONSE}tmp[,]{}{}", requests[0], requests[1]);
    let response = 1024 + REQUEST.len();
    let tmp = response + RESPONSE.len();
    let (open, first) = (tmp + 3, tmp + 6);
    let second = first + requests[0].len();
    let (request_len, response_len) = (REQUEST.len(), RESPONSE.len());
    let (write_at, write_len) = if how.rename {
        (tmp, 3)
    } else {
        (1024, request_len)
    };
    let rename = match how.rename {
        true => format!(
            "(if (call $rename (i32.const 3) (i32.const {tmp}) (i32.const 3) (i32.const 3) (i32.const 1024) (i32.const {request_len})) (then unreachable))"
        ),
        false => String::new(),
    };
    let sleep = match how.sleep {
        0 => String::new(),
        time => format!("(call $sleep (i64.const {time}))"),
    };
    let look = match how.list {
        // The second file is there when the listing is longer than that of three names.
        true => "(drop (call $fd_readdir (i32.const 3) (i32.const 90000) (i32.const 4096) (i64.const 0) (i32.const 16)))
                 (i32.lt_u (i32.load (i32.const 16)) (i32.const 140))".to_owned(),
        false => format!("(call $stat (i32.const 3) (i32.const 0) (i32.const {response}) (i32.const {response_len}) (i32.const 200))"),
    };
    let gone = if how.strict {
        "(if (then unreachable))"
    } else {
        "(drop)"
    };
    let functions = format!(
        r#"
  (func $ask (param $at i32) (param $len i32)
    (if (call $path_open (i32.const 3) (i32.const 0) (i32.const {write_at}) (i32.const {write_len})
          (i32.const 9) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 12)) (then unreachable))
    (call $print (i32.load (i32.const 12)) (local.get $at) (local.get $len))
    (drop (call $fd_close (i32.load (i32.const 12))))
    {rename})
  (func $answer
    (local $looks i32)
    (loop $again
      (local.set $looks (i32.add (local.get $looks) (i32.const 1)))
      (if (i32.gt_u (local.get $looks) (i32.const 500)) (then unreachable))
      {sleep}
      (br_if $again {look}))
    (if (call $path_open (i32.const 3) (i32.const 0) (i32.const {response}) (i32.const {response_len})
          (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 12)) (then unreachable))
    (i32.store (i32.const 0) (i32.const 4096))
    (i32.store (i32.const 4) (i32.const 60000))
    (drop (call $fd_read (i32.load (i32.const 12)) (i32.const 0) (i32.const 1) (i32.const 20)))
    (drop (call $fd_close (i32.load (i32.const 12))))
    (call $print (i32.const 1) (i32.const 4096) (i32.load (i32.const 20)))
    (call $unlink (i32.const 3) (i32.const 1024) (i32.const {request_len})) {gone}
    (drop (call $unlink (i32.const 3) (i32.const {response}) (i32.const {response_len}))))"#
    );
    let ask = |at: usize, len: usize| format!("(call $ask (i32.const {at}) (i32.const {len}))");
    let put = |at: usize| format!("(call $print (i32.const 1) (i32.const {at}) (i32.const 1))");
    let (one, two) = (
        ask(first, requests[0].len()),
        ask(second, requests[1].len()),
    );
    let body = if how.never {
        format!("{one} {} {}", put(open), put(open + 2))
    } else if how.skip_first {
        format!("{one} {two} {} (call $answer) {}", put(open), put(open + 2))
    } else {
        format!(
            "{} {one} (call $answer) {} {two} (call $answer) {}",
            put(open),
            put(open + 1),
            put(open + 2)
        )
    };
    guest_with("run", &data, &functions, &body)
}

/// A guest that asks one question by the direct import and prints the answer.
pub(crate) fn direct_guest(request: &str, into: bool) -> Vec<u8> {
    let data = request
        .bytes()
        .map(|byte| format!("\\{byte:02x}"))
        .collect::<String>();
    let len = request.len();
    let (import, call) = match into {
        false => (
            "\"rpc_call\" (func $rpc (param i32 i32 i32) (result i32))",
            format!(
                "(local.set $len (call $rpc (i32.const 1024) (i32.const {len}) (i32.const 16)))
                 (local.set $at (i32.load (i32.const 16)))"
            ),
        ),
        true => (
            "\"rpc_call_into\" (func $rpc (param i32 i32 i32 i32) (result i32))",
            format!(
                "(local.set $len (call $rpc (i32.const 1024) (i32.const {len}) (i32.const 8192) (i32.const 5)))
                 (drop (call $rpc (i32.const 1024) (i32.const {len}) (i32.const 8192) (local.get $len)))
                 (local.set $at (i32.const 8192))"
            ),
        ),
    };
    text(&format!(
        r#"(module {IMPORTS}
  (import "host" {import})
  (memory (export "memory") 4) (data (i32.const 1024) "{data}")
  {HELPERS}
  (func (export "alloc") (param i32) (result i32) (i32.const 16384))
  (func (export "run") (local $len i32) (local $at i32)
    {call}
    (call $print (i32.const 1) (local.get $at) (local.get $len))))"#
    ))
}
