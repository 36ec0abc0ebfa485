//! The allow-list of methods and what each of them must be given. Methods that write are never let through.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::message::RpcError;

/// Methods that are let through where the operator says nothing else.
pub const READ_METHODS: [&str; 14] = [
    "eth_blockNumber",
    "eth_chainId",
    "eth_getBalance",
    "eth_getTransactionCount",
    "eth_getCode",
    "eth_getStorageAt",
    "eth_call",
    "eth_estimateGas",
    "eth_getBlockByNumber",
    "eth_getBlockByHash",
    "eth_getTransactionByHash",
    "eth_getTransactionReceipt",
    "net_version",
    "web3_clientVersion",
];

/// Methods that cannot be allowed.
pub const WRITE_METHODS: [&str; 10] = [
    "eth_sendTransaction",
    "eth_sendRawTransaction",
    "eth_sign",
    "eth_signTransaction",
    "eth_accounts",
    "personal_sign",
    "personal_sendTransaction",
    "eth_mining",
    "eth_submitHashrate",
    "eth_submitWork",
];

/// What guests may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Methods(BTreeSet<String>);

impl Default for Methods {
    fn default() -> Self {
        Methods(READ_METHODS.map(String::from).into())
    }
}

impl Methods {
    /// A list separated by commas: `+name` and `-name` change the usual methods, plain names replace them.
    ///
    /// # Errors
    /// If it names a method that writes.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words = || {
            text.split(',')
                .map(str::trim)
                .filter(|word| !word.is_empty())
        };
        let replaces = words().any(|word| !word.starts_with(['+', '-']));
        let mut methods = if replaces {
            BTreeSet::new()
        } else {
            Methods::default().0
        };
        for word in words() {
            let name = word.trim_start_matches(['+', '-']);
            if word.starts_with('-') {
                methods.remove(name);
            } else if WRITE_METHODS.contains(&name) {
                return Err(format!("{name} cannot be allowed"));
            } else {
                methods.insert(name.to_owned());
            }
        }
        Ok(Methods(methods))
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a request may go on. Parameters by name are the node's affair.
    ///
    /// # Errors
    /// If the method is not let through or lacks parameters.
    pub fn check(&self, method: &str, params: Option<&[Box<RawValue>]>) -> Result<(), RpcError> {
        let not_found = |data| RpcError::new(-32601, "Method not found", data);
        if WRITE_METHODS.contains(&method) {
            return Err(not_found(format!(
                "Method {method} is not allowed (write operation)"
            )));
        }
        if !self.0.contains(method) {
            return Err(not_found(format!(
                "Method {method} not found or not supported"
            )));
        }
        let (count, what) = required(method);
        let Some(list) = params else {
            return Ok(());
        };
        let given = list.iter().take(count);
        let given = given.filter(|value| value.get() != "null");
        if given.count() < count {
            return Err(RpcError::new(
                -32602,
                "Invalid params",
                format!("Invalid params: {method} requires {what}"),
            ));
        }
        Ok(())
    }
}

fn required(method: &str) -> (usize, &'static str) {
    match method {
        "eth_getBalance" | "eth_getTransactionCount" | "eth_getCode" => (1, "address"),
        "eth_getStorageAt" => (2, "address and position"),
        "eth_call" | "eth_estimateGas" => (1, "transaction object"),
        "eth_getBlockByNumber" => (1, "block number"),
        "eth_getBlockByHash" => (1, "block hash"),
        "eth_getTransactionByHash" | "eth_getTransactionReceipt" => (1, "transaction hash"),
        _ => (0, ""),
    }
}

/// At which place of its parameters a method names a block.
pub(super) fn block_position(method: &str) -> Option<usize> {
    match method {
        "eth_getBlockByNumber" => Some(0),
        "eth_getBalance"
        | "eth_getTransactionCount"
        | "eth_getCode"
        | "eth_call"
        | "eth_estimateGas" => Some(1),
        "eth_getStorageAt" => Some(2),
        _ => None,
    }
}

/// Whether a tag of a block means the newest one, for somebody who sees no more than one block.
pub(super) fn is_newest(tag: &str) -> bool {
    matches!(tag, "latest" | "pending" | "safe" | "finalized")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(methods: &Methods, method: &str, params: &str) -> Result<(), RpcError> {
        let list: Option<Vec<Box<RawValue>>> = serde_json::from_str(params).ok();
        methods.check(method, list.as_deref())
    }

    #[test]
    fn the_list_is_changed_or_replaced() {
        let usual = Methods::default();
        assert_eq!(Methods::parse(""), Ok(usual.clone()));
        let changed = Methods::parse("+eth_getLogs,-eth_call").unwrap();
        assert!(check(&changed, "eth_getLogs", "[]").is_ok());
        assert!(check(&changed, "eth_call", "[{}]").is_err());
        assert_eq!(
            Methods::parse("eth_call")
                .unwrap()
                .names()
                .collect::<Vec<_>>(),
            ["eth_call"]
        );
    }

    #[test]
    fn what_writes_cannot_be_allowed() {
        assert_eq!(
            Methods::parse("+eth_sign").unwrap_err(),
            "eth_sign cannot be allowed"
        );
        assert!(Methods::parse("-eth_sign").is_ok());
        let error = check(&Methods::default(), "eth_sendRawTransaction", "[]").unwrap_err();
        assert_eq!(
            error.data.unwrap(),
            "Method eth_sendRawTransaction is not allowed (write operation)"
        );
    }

    #[test]
    fn missing_parameters_are_named() {
        let data = |method, params| {
            let checked = check(&Methods::default(), method, params);
            checked.unwrap_err().data.unwrap()
        };
        assert_eq!(
            data("eth_getBalance", "[]"),
            "Invalid params: eth_getBalance requires address"
        );
        assert_eq!(
            data("eth_getStorageAt", "[\"0x0\", null]"),
            "Invalid params: eth_getStorageAt requires address and position"
        );
        assert!(check(&Methods::default(), "eth_call", "{\"to\": \"0x\"}").is_ok());
    }
}
