//! What the commands `show …` and `dump …` print.

use std::io::{self, Write};

use super::command::Command;
use super::numbers::{Kind, date};
use crate::encoding::base58::{BLOCK, CONTRACT, KEYS, ROLLUP};
use crate::encoding::json::Json;
use crate::inbox::Input;
use crate::inbox::message::{Message, Transfer};
use crate::micheline::json::to_json;
use crate::outbox::message as outbox;
use crate::pvm::Pvm;
use crate::storage::{KeyError, Node, Path};

/// Deeper keys are left out of `show durable storage`.
const MAX_DEPTH: usize = 10;

/// The bytes that a command prints, with its last line ending.
pub(super) fn show(pvm: &Pvm, command: Command) -> Vec<u8> {
    match command {
        Command::ShowStatus => format!(
            "Status: {}\nInternal_status: {}\n",
            pvm.status(),
            pvm.internal_status()
        )
        .into_bytes(),
        Command::ShowInbox => inbox(pvm.world.inbox.unread()).into_bytes(),
        Command::ShowOutbox(level) => show_outbox(pvm, level).into_bytes(),
        Command::ShowSubkeys(path) => subkeys(pvm, &path).into_bytes(),
        Command::ShowKey(key, kind) => line(value(pvm, &key, kind)),
        Command::ShowMemory(address, len, kind) => line(memory(pvm, address, len, kind)),
        Command::Symbols => symbols(pvm).into_bytes(),
        _ => Vec::new(),
    }
}

fn line(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.push(b'\n');
    bytes
}

fn inbox(inputs: &[Input]) -> String {
    let mut out = format!("Inbox has {} messages:\n", inputs.len());
    for input in inputs {
        let payload = payload(&input.payload);
        out += &format!(
            "{{ raw_level: {};\n  counter: {}\n  payload: {payload} }}\n",
            input.level, input.counter
        );
    }
    out
}

fn payload(bytes: &[u8]) -> String {
    match Message::decode(bytes) {
        None => format!("Unknown encoding: {}", hex::encode(bytes)),
        Some(Message::StartOfLevel) => "Start_of_level".into(),
        Some(Message::EndOfLevel) => "End_of_level".into(),
        Some(Message::ProtocolMigration(name)) => format!("Protocol_migration {name}"),
        Some(Message::InfoPerLevel(info)) => format!(
            "Info_per_level {{predecessor_timestamp = {}-00:00; predecessor = {}}}",
            date(info.timestamp),
            BLOCK.encode(&info.predecessor)
        ),
        Some(Message::External(payload)) => hex::encode(payload),
        Some(Message::Transfer(transfer)) => transfer_json(&transfer).pretty(),
    }
}

fn transfer_json(transfer: &Transfer) -> Json {
    let (tag, source) = transfer.source;
    Json::Object(vec![
        ("internal_inbox_message_kind", "transfer".into()),
        ("payload", to_json(&transfer.payload)),
        ("sender", CONTRACT.encode(&transfer.sender).into()),
        ("source", KEYS[usize::from(tag)].encode(&source).into()),
        ("destination", ROLLUP.encode(&transfer.destination).into()),
    ])
}

fn show_outbox(pvm: &Pvm, level: i32) -> String {
    let Some(messages) = pvm.world.outbox.level(level) else {
        return format!("No outbox found at level {level}\n");
    };
    let mut out = format!("Outbox has {} messages:\n", messages.len());
    for message in messages {
        out += &outbox::show(message);
        out.push('\n');
    }
    out
}

/// Writes all keys with their values, piece by piece: a value of zeroes may be larger than memory.
pub(super) fn storage(pvm: &Pvm, out: &mut dyn Write) -> io::Result<()> {
    match pvm.world.durable.node(&Path::root()) {
        Some(root) => below(root, "/", 0, out),
        None => out.write_all(b"/\n  \n"),
    }
}

fn below(node: &Node, path: &str, depth: usize, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{path}\n  ")?;
    if let Some(value) = node.value() {
        let mut piece = [0; 4096];
        for at in (0..value.len()).step_by(piece.len()) {
            let n = value.read(at, &mut piece);
            out.write_all(hex::encode(&piece[..n]).as_bytes())?;
        }
    }
    writeln!(out)?;
    if depth == MAX_DEPTH {
        return Ok(());
    }
    for (name, child) in node.children() {
        let path = if path == "/" { "" } else { path };
        below(child, &format!("{path}/{name}"), depth + 1, out)?;
    }
    Ok(())
}

fn subkeys(pvm: &Pvm, text: &str) -> String {
    if !text.starts_with('/') {
        return "Invalid path, it must start with '/'\n".into();
    }
    let path = if text == "/" {
        Ok(Path::root())
    } else {
        Path::parse(text.as_bytes())
    };
    let node = path.ok().and_then(|path| pvm.world.durable.node(&path));
    match node {
        Some(node) => node
            .children()
            .map(|(name, _)| format!("/{name}\n"))
            .collect(),
        None => format!("The path {text} is not available in the durable storage.\n"),
    }
}

fn value(pvm: &Pvm, key: &str, kind: Kind) -> Vec<u8> {
    let path = match Path::parse(key.as_bytes()) {
        Ok(path) => path,
        Err(error @ (KeyError::Invalid | KeyError::TooLarge)) => {
            return error.to_string().into_bytes();
        }
    };
    match pvm.world.durable.node(&path) {
        None => b"Key not found".to_vec(),
        Some(node) => match node.value() {
            None => b"No value found for key".to_vec(),
            Some(value) => kind.show(&value.to_vec()),
        },
    }
}

fn memory(pvm: &Pvm, address: u64, len: u64, kind: Kind) -> Vec<u8> {
    let Some(memory) = pvm.memory() else {
        let state = pvm.internal_status();
        return format!("Error: Cannot inspect memory during internal state {state}").into_bytes();
    };
    let end = address.saturating_add(len);
    match memory.get(address as usize..end as usize) {
        Some(bytes) => kind.show(bytes),
        None => format!(
            "Error: out of bounds memory access: the memory has {} bytes",
            memory.len()
        )
        .into_bytes(),
    }
}

fn symbols(pvm: &Pvm) -> String {
    let mut out = String::from("Functions:\n");
    if let Some(Ok(kernel)) = pvm.kernel() {
        let mut names: Vec<_> = kernel.names.iter().collect();
        names.sort();
        for (index, name) in names {
            out += &format!(" - func[{index}] <{name}>\n");
        }
    }
    out
}
