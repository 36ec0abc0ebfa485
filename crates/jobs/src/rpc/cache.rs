//! Answers that cannot change: those to questions about a block that is named by number or hash. Off unless the
//! operator gives it room (`RPC_CACHE_ENTRIES`); what was used least recently goes first.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::hex::is_hex;
use super::message::Reply;
use super::methods::block_position;

/// Longer answers are not kept.
const MAX_ANSWER: usize = 64 << 10;

/// Chain, method and the text of the parameters.
type Key = (Option<u64>, String, String);

/// The answers of one process.
#[derive(Debug)]
pub struct Cache {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    answers: HashMap<Key, (u64, Box<RawValue>)>,
    /// Keys by the time of their last use.
    order: BTreeMap<u64, Key>,
    clock: u64,
}

impl Cache {
    /// Room for so many answers; nothing if there is none.
    pub fn new(limit: usize) -> Option<Self> {
        (limit > 0).then(|| Cache {
            limit,
            state: Mutex::default(),
        })
    }

    /// What was answered to this before.
    pub fn get(&self, chain: Option<u64>, method: &str, params: &RawValue) -> Option<Reply> {
        let key = (chain, method.to_owned(), params.get().to_owned());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State {
            answers,
            order,
            clock,
        } = &mut *state;
        let (used, answer) = answers.get_mut(&key)?;
        *clock += 1;
        order.remove(used);
        *used = *clock;
        order.insert(*clock, key);
        Some(Reply::Result(answer.clone()))
    }

    /// Keeps an answer if it cannot change. An unknown block may come into being, an error may pass.
    pub fn add(&self, chain: Option<u64>, method: &str, params: &RawValue, reply: &Reply) {
        let Reply::Result(answer) = reply else {
            return;
        };
        let text = answer.get();
        if text == "null" || text.len() > MAX_ANSWER || !is_pinned(method, params) {
            return;
        }
        let key = (chain, method.to_owned(), params.get().to_owned());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.clock += 1;
        let now = state.clock;
        if let Some((used, _)) = state.answers.insert(key.clone(), (now, answer.clone())) {
            state.order.remove(&used);
        }
        state.order.insert(now, key);
        if state.answers.len() > self.limit
            && let Some((_, oldest)) = state.order.pop_first()
        {
            state.answers.remove(&oldest);
        }
    }
}

/// Whether a question names its block by number or hash.
fn is_pinned(method: &str, params: &RawValue) -> bool {
    let position = match method {
        "eth_getBlockByHash" => Some(0),
        _ => block_position(method),
    };
    let (Some(position), Ok(list)) = (
        position,
        serde_json::from_str::<Vec<&RawValue>>(params.get()),
    ) else {
        return false;
    };
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Named {
        block_hash: Option<String>,
        block_number: Option<String>,
    }
    let hex = |text: &str| is_hex(text, false);
    list.get(position).is_some_and(|block| {
        match (
            serde_json::from_str::<String>(block.get()),
            serde_json::from_str::<Named>(block.get()),
        ) {
            (Ok(text), _) => hex(&text),
            (_, Ok(named)) => named
                .block_hash
                .or(named.block_number)
                .is_some_and(|text| hex(&text)),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::message::raw;
    use super::*;
    use serde_json::{Value, json};

    fn kept(method: &str, params: Value, result: Value) -> bool {
        let cache = Cache::new(9).unwrap();
        let params = raw(&params);
        cache.add(Some(1), method, &params, &Reply::Result(raw(&result)));
        assert!(cache.get(Some(2), method, &params).is_none());
        cache.get(Some(1), method, &params).is_some()
    }

    #[test]
    fn only_what_cannot_change_is_kept() {
        let one = || json!("0x1");
        assert!(kept("eth_getBalance", json!(["0x0", "0x10"]), one()));
        assert!(kept("eth_call", json!([{}, {"blockHash": "0xab"}]), one()));
        assert!(kept("eth_getBlockByHash", json!(["0xab", false]), one()));
        assert!(kept(
            "eth_getStorageAt",
            json!(["0x0", "0x0", "0x1"]),
            one()
        ));
        for (method, params, result) in [
            ("eth_getBalance", json!(["0x0", "latest"]), one()),
            ("eth_getBalance", json!(["0x0"]), one()),
            ("eth_getBlockByNumber", json!(["0x10", false]), Value::Null),
            ("eth_getTransactionByHash", json!(["0xab"]), one()),
            ("eth_blockNumber", json!([]), one()),
            ("eth_call", json!({"to": "0x0"}), one()),
            (
                "eth_getCode",
                json!(["0x0", "0x1"]),
                json!("x".repeat(MAX_ANSWER)),
            ),
        ] {
            assert!(!kept(method, params.clone(), result), "{method} {params}");
        }
    }

    #[test]
    fn what_was_used_least_recently_goes() {
        let cache = Cache::new(2).unwrap();
        let params = |block: &str| raw(&json!(["0x0", block]));
        let get = |block: &str| cache.get(None, "eth_getBalance", &params(block)).is_some();
        for block in ["0x1", "0x2"] {
            cache.add(
                None,
                "eth_getBalance",
                &params(block),
                &Reply::Result(raw("0x5")),
            );
        }
        assert!(get("0x1"));
        cache.add(
            None,
            "eth_getBalance",
            &params("0x3"),
            &Reply::Result(raw("0x5")),
        );
        assert_eq!((get("0x1"), get("0x2"), get("0x3")), (true, false, true));
    }
}
