//! What reads bytes from outside: whatever they are, there is an answer or a diagnostic and never a panic.

use drun::internals::canister::code::CanisterModule;
use drun::internals::module::{Survey, ValidationLimits, has_custom_section, stated_size};
use drun::script::{self, Files, InterfaceText, Program};

/// No file is there.
struct Nothing;

impl Files for Nothing {
    fn read(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        Err("there is no such file".to_owned())
    }

    fn interface(&mut self, _: &str, _: &str) -> Option<InterfaceText> {
        Some(InterfaceText {
            service: "service : { go : (nat, opt text) -> (vec record { a : int }) }".to_owned(),
            init: None,
        })
    }
}

/// A script of either language: its mistakes can be printed.
pub fn script(bytes: &[u8]) {
    if let Err(mistakes) = script::parse("s", bytes) {
        assert!(!mistakes.to_string().is_empty());
    }
    if let Err(mistakes) = Program::parse("s", bytes, &mut Nothing) {
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

/// A suite file.
pub fn suite(bytes: &[u8]) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(directory.path().join("drun.toml"), bytes).expect("it can be written");
    if let Err(mistake) = drun::suite::settings::SuiteFile::of(directory.path()) {
        assert!(!mistake.is_empty());
    }
}

/// Arguments of the management canister and of `ic0`, and Candid as text.
pub fn candid(bytes: &[u8]) {
    use drun::internals::management::decode;
    use drun::internals::management::types::http::HttpRequestArgs;
    let _ = decode::one::<HttpRequestArgs>(bytes);
    let _ = decode::create_canister(bytes);
    let _ = decode::install_code(bytes);
    let _ = decode::install_chunked_code(bytes);
    let _ = decode::nothing(bytes);
    let _ = drun::internals::outcall::Outcall::decode(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = drun::idl::Interface::parse(text);
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
