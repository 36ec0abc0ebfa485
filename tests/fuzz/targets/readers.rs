//! What reads bytes from outside: whatever they are, there is an answer or a diagnostic and never a panic.

use drun::internals::canister::code::CanisterModule;
use drun::internals::module::{Survey, ValidationLimits, has_custom_section, stated_size};
use drun::script::{self, Files, InterfaceText, Program};

/// No file is there but modules, which all have this interface.
struct Modules;

const INTERFACE: &str = "service : (text, nat) -> {
    go : (nat, opt text) -> (vec record { a : int });
    all : (record { n : nat8; f : float64; v : vec bool; t : variant { some : int; none }; p : principal; b : blob; o : opt nat }) -> (text) query;
}";

impl Files for Modules {
    fn read(&mut self, _: &str, path: &str) -> Result<(String, Vec<u8>), String> {
        match path.ends_with("wasm") {
            true => Ok((path.to_owned(), b"\0asm\x01\0\0\0".to_vec())),
            false => Err("there is no such file".to_owned()),
        }
    }

    fn interface(&mut self, _: &str, _: &str) -> Option<InterfaceText> {
        Some(InterfaceText {
            service: INTERFACE.to_owned(),
            init: None,
        })
    }
}

/// A script with everything that has a form of its own.
pub const SCRIPT: &str = r#"let alice = identity
create c
install c m.wasm ("x", 7)
ingress c go (5, opt "text\n")
expect reply (vec { record { a = -1 } })
expect reply (vec { record { a = _ }; _ })
expect reject ~ "no"
expect instructions < 300_000
expect cycles >= 5T
expect prints "x"
as alice query c all (record { n = 5 : nat8; f = 1.5e3; v = vec { true; false }; t = variant { some = 3 }; p = principal "aaaaa-aa"; b = blob "\00\ff"; o = null })
expect reply ("a")
call c go (1, null) with 3G cycles
advance 1h5m
tick 3
snapshot s
restore s
upgrade c m.wasm ("y", 0xff)
stable save c dump
http respond "https://a" 200 header "n" "v" "body"
settings c with controllers alice, freezing-threshold 30d, memory-allocation 5MiB, log-visibility public
top-up c 3T
stop c
status c
start c
logs c
controllers c
uninstall c
delete c
"#;

/// A script of either language: its mistakes can be printed.
pub fn script(bytes: &[u8]) {
    if let Err(mistakes) = script::parse("s", bytes) {
        assert!(!mistakes.to_string().is_empty());
    }
    if let Err(mistakes) = Program::parse("s", bytes, &mut Modules) {
        assert!(bytes != SCRIPT.as_bytes(), "{mistakes}");
        assert!(!mistakes.to_string().is_empty());
    }
}

/// What the messages of a script print is read as the same messages.
pub fn round_trip(bytes: &[u8]) {
    let Ok(script) = script::parse("s", bytes) else {
        return;
    };
    let printed: String = script
        .messages
        .iter()
        .map(|it| format!("{}\n", it.message))
        .collect();
    let again = script::parse("s", printed.as_bytes()).expect("what is printed can be read");
    let messages = |script: script::Script| -> Vec<_> {
        script
            .messages
            .into_iter()
            .map(|located| located.message)
            .collect()
    };
    assert_eq!(messages(script), messages(again));
}

/// A configuration in JSON5.
pub fn configuration(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Err(mistake) = drun::cli::check_configuration(text)
    {
        assert!(mistake.starts_with("error: "), "{mistake}");
    }
}

/// A suite file, or the head of a script of a suite.
pub fn suite(bytes: &[u8]) {
    use drun::suite::{directives, settings::SuiteFile};
    let name = std::path::Path::new("s.drun");
    if let Err(mistake) = directives::of(&mut { bytes }, name) {
        assert!(mistake.starts_with("s.drun:"), "{mistake}");
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Err(mistake) = SuiteFile::parse(std::path::Path::new("/suite"), text)
    {
        assert!(!mistake.is_empty());
    }
}

/// Arguments of the management canister and of `ic0`, and Candid as text.
pub fn candid(bytes: &[u8]) {
    use drun::idl;
    use drun::internals::management::decode;
    use drun::internals::management::types::http::HttpRequestArgs;
    let _ = decode::one::<HttpRequestArgs>(bytes);
    let _ = decode::create_canister(bytes);
    let _ = decode::install_code(bytes);
    let _ = decode::install_chunked_code(bytes);
    let _ = decode::nothing(bytes);
    let _ = drun::internals::outcall::Outcall::decode(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = idl::Interface::parse(text);
    }
}

/// Values that a reply carries: decoded by the types that stand before them, printed, and read again. A few bytes may claim to be many
/// values, up to a quota that takes a tenth of a second.
pub fn values(bytes: &[u8]) {
    use drun::idl;
    if let Ok(values) = idl::decode(bytes) {
        let text = idl::print_arguments(&values, &idl::FieldNames::default());
        let _ = idl::arguments(&text, idl::Grammar::Patterns);
    }
}

/// A module: decoded, looked at, validated and rewritten.
pub fn module(bytes: &[u8]) {
    let _ = stated_size(bytes);
    let _ = has_custom_section(bytes, "icp:private x");
    let surveyed = Survey::of(bytes).is_ok();
    let module = CanisterModule::new(bytes.into(), &ValidationLimits::REPLICA);
    assert!(
        surveyed || module.is_err(),
        "what is no module is not valid"
    );
}
