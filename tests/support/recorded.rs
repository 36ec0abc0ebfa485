//! What may differ between the outputs recorded from the original program, whose last version is of March 2025, and
//! ours, which speaks as the replica of October 2025. Owns the list of differences; everything else must be equal.

/// Words of March, and what October says instead; also inside replies, where a canister passes on what it was told.
const REWORDED: [(&str, &str); 3] = [
    (
        "\nThis is likely an error with the compiler/CDK toolchain being used to build the canister.",
        "\nIf you are running this canister in a test environment (e.g., dfx), make sure the test environment is up to \
         date. Otherwise, this is likely an error with the compiler/CDK toolchain being used to build the canister.",
    ),
    // Renamed.
    (
        "ic0.mint_cycles cannot be executed",
        "ic0.mint_cycles128 cannot be executed",
    ),
    // March did not count the imported function, which the one module concerned has.
    (
        "function at index 1 with unsupported instruction table.set.",
        "function at index 2 with unsupported instruction table.set.",
    ),
];

/// Where the original stopped, and October gives the engine's reason.
const ENGINE: &str = "Wasmtime failed to validate wasm module wasmtime::Module::validate() failed";

/// What October finds when it looks for the code section, and March left to the engine.
const FOUND_EARLIER: [&str; 3] = [
    "Failed to decode wasm module: Error finding code section: section out of order",
    "Failed to decode wasm module: Error finding code section: function section is absent",
    "Failed to decode wasm module: Error finding code section: data count is non-zero",
];

/// A recorded output in the words of October.
pub(crate) fn reworded(recorded: &str) -> String {
    let mut text = recorded.to_owned();
    for (march, october) in REWORDED {
        text = text.replace(march, october);
    }
    text.split_inclusive('\n').map(reworded_reply).collect()
}

/// The same for the text in a reply.
fn reworded_reply(line: &str) -> String {
    let Some((head, digits)) = line.split_once("Reply: 0x") else {
        return line.to_owned();
    };
    let mut digits = digits.to_owned();
    for (march, october) in REWORDED {
        digits = digits.replace(&hex::encode(march), &hex::encode(october));
    }
    format!("{head}Reply: 0x{digits}")
}

/// Our output without the engine's reasons.
pub(crate) fn without_reasons(ours: &str) -> String {
    ours.split_inclusive('\n').map(without_reason).collect()
}

fn without_reason(line: &str) -> String {
    let reasoned = format!("{ENGINE} with ");
    let found = FOUND_EARLIER.iter().copied().chain([reasoned.as_str()]);
    match found.filter_map(|reason| line.find(reason)).next() {
        Some(start) => format!("{}{ENGINE}.\n", &line[..start]),
        None => line.to_owned(),
    }
}

/// Debug prints without the times, which the records lack.
pub(crate) fn without_times(prints: &str) -> String {
    let line = |line: &str| match line.split_once(" UTC: [Canister ") {
        Some((time, rest)) if time.starts_with("2021-") => format!("[Canister {rest}"),
        _ => line.to_owned(),
    };
    prints.split_inclusive('\n').map(line).collect()
}
