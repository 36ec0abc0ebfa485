//! A chain in a file: answers of a node for work without one, and for tests. The file's form is checked when it is
//! read, and every mistake is told with its place.

mod check;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::hex::{padded, quantity, stripped};
use super::message::{Reply, RpcError, raw};
use super::methods::block_position;

/// Bytes of an address and of a storage word.
const ADDRESS: usize = 20;
const WORD: usize = 32;

/// The chains of a fixture file.
#[derive(Debug, Default)]
pub struct Fixture {
    chains: BTreeMap<u64, Chain>,
}

/// One chain. State is the same at every block.
#[derive(Debug, Default)]
struct Chain {
    block_number: u64,
    blocks: Vec<Value>,
    accounts: BTreeMap<String, Account>,
    transactions: BTreeMap<String, Value>,
    receipts: BTreeMap<String, Value>,
    calls: Vec<CallRule>,
    estimate_gas: Option<Value>,
    responses: Vec<Response>,
    latency: Duration,
    fail_every: u64,
    asked: AtomicU64,
}

#[derive(Debug, Default)]
struct Account {
    balance: Option<Value>,
    nonce: Option<Value>,
    code: Option<Value>,
    storage: BTreeMap<String, String>,
}

/// An answer to `eth_call`.
#[derive(Debug)]
struct CallRule {
    to: String,
    /// Lower case; with a star at the end, the beginning of it.
    data: String,
    outcome: Outcome,
}

/// An answer to one request.
#[derive(Debug)]
struct Response {
    method: String,
    params: Value,
    outcome: Outcome,
}

#[derive(Clone, Debug)]
enum Outcome {
    Result(Value),
    Error(Value),
}

impl Outcome {
    fn reply(&self) -> Reply {
        match self {
            Outcome::Result(value) => Reply::Result(raw(value)),
            Outcome::Error(value) => Reply::Error(raw(value)),
        }
    }
}

impl Fixture {
    /// Reads the text of a fixture file.
    ///
    /// # Errors
    /// What is wrong with it and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Fixture::from_value(&value)
    }

    /// A fixture that is part of other JSON.
    ///
    /// # Errors
    /// As [`Fixture::parse`].
    pub fn from_value(value: &Value) -> Result<Self, String> {
        check::fixture(value)
    }

    /// The chains it has.
    pub fn chains(&self) -> impl Iterator<Item = u64> + '_ {
        self.chains.keys().copied()
    }

    /// How long an answer of a chain takes; `None` if it does not have the chain.
    pub fn latency(&self, chain: u64) -> Option<Duration> {
        Some(self.chains.get(&chain)?.latency)
    }

    /// The answer of a chain.
    ///
    /// # Errors
    /// If the file says nothing about it.
    pub fn answer(&self, chain: u64, method: &str, params: &Value) -> Result<Reply, RpcError> {
        let Some(chain) = self.chains.get(&chain) else {
            return Err(RpcError::server(format!("fixture has no chain {chain}")));
        };
        let asked = chain.asked.fetch_add(1, Ordering::Relaxed) + 1;
        if chain.fail_every > 0 && asked.is_multiple_of(chain.fail_every) {
            return Err(RpcError::server("the fixture fails this request"));
        }
        let normal = normalized(method, params);
        let fixed = chain
            .responses
            .iter()
            .find(|response| response.method == method && response.params == normal);
        if let Some(response) = fixed {
            return Ok(response.outcome.reply());
        }
        chain.look_up(method, params).map(|value| value.reply())
    }
}

impl Chain {
    fn look_up(&self, method: &str, params: &Value) -> Result<Outcome, RpcError> {
        let text = |at: usize| params.get(at).and_then(Value::as_str).unwrap_or_default();
        let account = || self.accounts.get(&padded(text(0), ADDRESS));
        let of = |field: fn(&Account) -> &Option<Value>, default: &str| {
            let value = account().and_then(|account| field(account).clone());
            value.unwrap_or_else(|| default.into())
        };
        let value = match method {
            "eth_blockNumber" => format!("{:#x}", self.block_number).into(),
            "eth_getBalance" => of(|account| &account.balance, "0x0"),
            "eth_getTransactionCount" => of(|account| &account.nonce, "0x0"),
            "eth_getCode" => of(|account| &account.code, "0x"),
            "eth_getStorageAt" => {
                let word = account().and_then(|account| account.storage.get(&stripped(text(1))));
                padded(word.map_or("0x0", String::as_str), WORD).into()
            }
            "eth_getBlockByNumber" => self.block_by_number(text(0)),
            "eth_getBlockByHash" => self.block_by_hash(text(0)),
            "eth_getTransactionByHash" => found(&self.transactions, text(0)),
            "eth_getTransactionReceipt" => found(&self.receipts, text(0)),
            "eth_estimateGas" => self.estimate_gas.clone().unwrap_or_else(|| "0x5208".into()),
            "eth_call" => return self.call(&params[0]),
            _ => return Err(RpcError::server(format!("fixture has no {method}"))),
        };
        Ok(Outcome::Result(value))
    }

    fn block_by_number(&self, number: &str) -> Value {
        let number = match number {
            "latest" | "pending" | "safe" | "finalized" => Some(self.block_number),
            "earliest" => Some(0),
            other => quantity(other),
        };
        let of = |block: &Value| quantity(block["number"].as_str()?);
        let block = self
            .blocks
            .iter()
            .find(|block| number.is_some() && of(block) == number);
        block.cloned().unwrap_or(Value::Null)
    }

    fn block_by_hash(&self, hash: &str) -> Value {
        let same = |block: &&Value| {
            block["hash"]
                .as_str()
                .is_some_and(|other| other.eq_ignore_ascii_case(hash))
        };
        self.blocks
            .iter()
            .find(same)
            .cloned()
            .unwrap_or(Value::Null)
    }

    fn call(&self, transaction: &Value) -> Result<Outcome, RpcError> {
        let text = |name: &str| transaction[name].as_str();
        let to = padded(text("to").unwrap_or_default(), ADDRESS);
        let data = text("data")
            .or(text("input"))
            .unwrap_or("0x")
            .to_lowercase();
        let fits = |rule: &&CallRule| {
            rule.to == to
                && match rule.data.strip_suffix('*') {
                    Some(beginning) => data.starts_with(beginning),
                    None => rule.data == data,
                }
        };
        match self.calls.iter().find(fits) {
            Some(rule) => Ok(rule.outcome.clone()),
            None => Err(RpcError::server(format!(
                "fixture has no eth_call to {} with data {data}",
                text("to").unwrap_or("nothing")
            ))),
        }
    }
}

fn found(table: &BTreeMap<String, Value>, hash: &str) -> Value {
    table
        .get(&hash.to_lowercase())
        .cloned()
        .unwrap_or(Value::Null)
}

/// The form in which two requests are the same: hexadecimal text in lower case, the block named.
fn normalized(method: &str, params: &Value) -> Value {
    let mut params = lower(params);
    if let (Some(position), Value::Array(list)) = (block_position(method), &mut params)
        && list.len() == position
    {
        list.push("latest".into());
    }
    params
}

fn lower(value: &Value) -> Value {
    match value {
        Value::String(text)
            if text
                .get(..2)
                .is_some_and(|start| start.eq_ignore_ascii_case("0x")) =>
        {
            text.to_lowercase().into()
        }
        Value::Array(list) => list.iter().map(lower).collect(),
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().map(|(k, v)| (k.clone(), lower(v))).collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            json!(sorted.into_iter().collect::<serde_json::Map<_, _>>())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
