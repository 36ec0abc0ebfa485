//! A chain in a file: answers of a node for work without one, and for tests. The file's form is checked when it is
//! read, and every mistake is told with its place.

mod check;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

use super::hex::{padded, quantity, stripped};
use super::message::{Reply, RpcError, null, raw};
use super::methods::{block_position, is_newest};

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
    blocks: Vec<Block>,
    accounts: BTreeMap<String, Account>,
    transactions: BTreeMap<String, Box<RawValue>>,
    receipts: BTreeMap<String, Box<RawValue>>,
    calls: Vec<CallRule>,
    estimate_gas: Option<String>,
    responses: Vec<Response>,
    latency: Duration,
    fail_every: u64,
    asked: AtomicU64,
}

#[derive(Debug)]
struct Block {
    number: Option<u64>,
    hash: Option<String>,
    value: Box<RawValue>,
}

#[derive(Debug, Default)]
struct Account {
    balance: Option<String>,
    nonce: Option<String>,
    code: Option<String>,
    storage: BTreeMap<String, String>,
}

/// An answer to `eth_call`.
#[derive(Debug)]
struct CallRule {
    to: String,
    /// Lower case; with a star at the end, the beginning of it.
    data: String,
    reply: Reply,
}

/// An answer to one request.
#[derive(Debug)]
struct Response {
    method: String,
    params: Value,
    reply: Reply,
}

impl Fixture {
    /// Reads the text of a fixture file.
    ///
    /// # Errors
    /// What is wrong with it and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: &RawValue = serde_json::from_str(text).map_err(|error| error.to_string())?;
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
        let normal = normalized(method, params, chain.block_number);
        let fixed = chain
            .responses
            .iter()
            .find(|response| response.method == method && response.params == normal);
        if let Some(response) = fixed {
            return Ok(response.reply.clone());
        }
        chain.look_up(method, params)
    }
}

impl Chain {
    fn look_up(&self, method: &str, params: &Value) -> Result<Reply, RpcError> {
        let given = |at: usize| params.get(at).and_then(Value::as_str);
        let text = |at: usize| given(at).unwrap_or_default();
        // What is no text is no address, not that of zeros.
        let account = || self.accounts.get(&padded(given(0)?, ADDRESS));
        let of = |field: fn(&Account) -> &Option<String>, default: &str| {
            let value = account().and_then(|account| field(account).as_deref());
            raw(value.unwrap_or(default))
        };
        let value = match method {
            "eth_blockNumber" => raw(&format!("{:#x}", self.block_number)),
            "eth_getBalance" => of(|account| &account.balance, "0x0"),
            "eth_getTransactionCount" => of(|account| &account.nonce, "0x0"),
            "eth_getCode" => of(|account| &account.code, "0x"),
            "eth_getStorageAt" => {
                let slot = account().zip(given(1).map(stripped));
                let word = slot.and_then(|(account, slot)| account.storage.get(&slot));
                raw(&padded(word.map_or("0x0", String::as_str), WORD))
            }
            "eth_getBlockByNumber" => self.block_by_number(text(0)),
            "eth_getBlockByHash" => self.block(|block| {
                let hash = block.hash.as_deref();
                hash.is_some_and(|hash| hash.eq_ignore_ascii_case(text(0)))
            }),
            "eth_getTransactionByHash" => found(&self.transactions, text(0)),
            "eth_getTransactionReceipt" => found(&self.receipts, text(0)),
            "eth_estimateGas" => raw(self.estimate_gas.as_deref().unwrap_or("0x5208")),
            "eth_call" => return self.call(&params[0]),
            _ => return Err(RpcError::server(format!("fixture has no {method}"))),
        };
        Ok(Reply::Result(value))
    }

    fn block_by_number(&self, number: &str) -> Box<RawValue> {
        let number = block_number(number, self.block_number);
        self.block(|block| number.is_some() && block.number == number)
    }

    fn block(&self, fits: impl Fn(&&Block) -> bool) -> Box<RawValue> {
        let block = self.blocks.iter().find(fits);
        block.map_or_else(null, |block| block.value.clone())
    }

    fn call(&self, transaction: &Value) -> Result<Reply, RpcError> {
        let text = |name: &str| transaction[name].as_str();
        // Without one it makes a contract.
        let to = text("to").map(|to| padded(to, ADDRESS));
        let data = text("data")
            .or(text("input"))
            .unwrap_or("0x")
            .to_lowercase();
        let fits = |rule: &&CallRule| {
            to.as_ref() == Some(&rule.to)
                && match rule.data.strip_suffix('*') {
                    Some(beginning) => data.starts_with(beginning),
                    None => rule.data == data,
                }
        };
        match self.calls.iter().find(fits) {
            Some(rule) => Ok(rule.reply.clone()),
            None => Err(RpcError::server(format!(
                "fixture has no eth_call to {} with data {data}",
                text("to").unwrap_or("nothing")
            ))),
        }
    }
}

fn found(table: &BTreeMap<String, Box<RawValue>>, hash: &str) -> Box<RawValue> {
    let value = table.get(&hash.to_lowercase());
    value.cloned().unwrap_or_else(null)
}

/// The form in which two requests are the same: hexadecimal text in lower case, the block by its number. `newest` is that
/// of the chain's newest one.
fn normalized(method: &str, params: &Value, newest: u64) -> Value {
    let mut params = lower(params);
    let (Some(position), Value::Array(list)) = (block_position(method), &mut params) else {
        return params;
    };
    if list.len() == position {
        list.push(Value::Null);
    }
    let number = match list.get(position) {
        Some(Value::Null) => Some(newest),
        Some(Value::String(block)) => block_number(block, newest),
        _ => None,
    };
    if let Some(number) = number {
        list[position] = format!("{number:#x}").into();
    }
    params
}

/// The number of a block that is named by a tag or a number.
fn block_number(block: &str, newest: u64) -> Option<u64> {
    match block {
        "earliest" => Some(0),
        tag if is_newest(tag) => Some(newest),
        number => quantity(number),
    }
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
            let members = members.iter().map(|(name, v)| (name.clone(), lower(v)));
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
