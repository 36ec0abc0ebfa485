//! Outbox messages: their bytes, their JSON for people, and batches made from JSON (kernel-debugger.md, section 7).

use serde_json::Value;

use crate::encoding::base58::{CONTRACT, KEYS};
use crate::encoding::json::Json;
use crate::encoding::reader::{Reader, put_block};
use crate::micheline::{Expr, binary, json as micheline, text};

/// The longest message in bytes.
pub const MAX_MESSAGE: usize = 4096;

/// The longest name of an entry point.
const MAX_ENTRYPOINT: usize = 31;

/// A call of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The argument.
    pub parameters: Expr,
    /// The argument's type, in typed batches.
    pub parameters_ty: Option<Expr>,
    /// The contract.
    pub destination: [u8; 20],
    /// The entry point, without `%`.
    pub entrypoint: String,
}

/// A message as it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxMessage {
    /// Calls, typed when all have a type.
    Transactions(Vec<Transaction>),
    /// Who may stake; `None` makes the rollup public. Keys are a tag and a hash.
    Whitelist(Option<Vec<(u8, [u8; 20])>>),
    /// A word for the protocol.
    Signal(String),
}

impl OutboxMessage {
    /// Understands a message; `None` when the bytes are none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_MESSAGE {
            return None;
        }
        let mut reader = Reader::new(bytes);
        let message = match reader.byte()? {
            tag @ (0 | 1) => {
                let mut batch = Reader::new(reader.block()?);
                let mut transactions = Vec::new();
                while !batch.is_empty() {
                    transactions.push(transaction(&mut batch, tag == 1)?);
                }
                Self::Transactions(transactions)
            }
            2 => match reader.byte()? {
                0 => Self::Whitelist(None),
                0xff => {
                    let mut keys = Reader::new(reader.block()?);
                    let mut whitelist = Vec::new();
                    while !keys.is_empty() {
                        let tag = keys.byte().filter(|tag| usize::from(*tag) < KEYS.len())?;
                        whitelist.push((tag, keys.array()?));
                    }
                    Self::Whitelist(Some(whitelist))
                }
                _ => return None,
            },
            3 => Self::Signal(String::from_utf8(reader.block()?.to_vec()).ok()?),
            _ => return None,
        };
        reader.is_empty().then_some(message)
    }

    /// The bytes of a message; an error when they are too many.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        match self {
            Self::Transactions(transactions) => {
                let typed = transactions.iter().any(|t| t.parameters_ty.is_some());
                let mut batch = Vec::new();
                for transaction in transactions {
                    binary::encode(&transaction.parameters, &mut batch);
                    if let Some(ty) = &transaction.parameters_ty {
                        binary::encode(ty, &mut batch);
                    }
                    batch.push(1);
                    batch.extend(transaction.destination);
                    batch.push(0);
                    put_block(&mut batch, transaction.entrypoint.as_bytes());
                }
                out.push(u8::from(typed));
                put_block(&mut out, &batch);
            }
            Self::Whitelist(None) => out.extend([2, 0]),
            Self::Whitelist(Some(keys)) => {
                out.extend([2, 0xff]);
                let keys: Vec<u8> = keys
                    .iter()
                    .flat_map(|(tag, key)| [&[*tag][..], key].concat())
                    .collect();
                put_block(&mut out, &keys);
            }
            Self::Signal(word) => {
                out.push(3);
                put_block(&mut out, word.as_bytes());
            }
        }
        (out.len() <= MAX_MESSAGE).then_some(out)
    }

    /// The message as the rollup node's RPC shows it (rollup-node.md, section 8.1).
    pub fn to_json(&self) -> Json {
        match self {
            Self::Transactions(transactions) => {
                let typed = transactions.iter().any(|t| t.parameters_ty.is_some());
                Json::Object(vec![
                    (
                        "transactions",
                        transactions.iter().map(Transaction::to_json).collect(),
                    ),
                    ("kind", if typed { "typed" } else { "untyped" }.into()),
                ])
            }
            Self::Whitelist(keys) => {
                let keys = keys.iter().map(|keys| {
                    let keys = keys
                        .iter()
                        .map(|(tag, key)| KEYS[usize::from(*tag)].encode(key).into());
                    ("whitelist", keys.collect())
                });
                Json::Object(keys.chain([("kind", "whitelist_update".into())]).collect())
            }
            Self::Signal(word) => Json::Object(vec![
                ("payload", word.as_str().into()),
                ("kind", "canonical_rollup_signal".into()),
            ]),
        }
    }
}

impl Transaction {
    fn to_json(&self) -> Json {
        let mut fields = vec![("parameters", micheline::to_json(&self.parameters))];
        if let Some(ty) = &self.parameters_ty {
            fields.push(("parameters_ty", micheline::to_json(ty)));
        }
        fields.push(("destination", CONTRACT.encode(&self.destination).into()));
        if self.entrypoint != "default" {
            fields.push(("entrypoint", self.entrypoint.as_str().into()));
        }
        Json::Object(fields)
    }
}

fn transaction(batch: &mut Reader<'_>, typed: bool) -> Option<Transaction> {
    let parameters = binary::decode(batch)?;
    let parameters_ty = if typed {
        Some(binary::decode(batch)?)
    } else {
        None
    };
    let contract: [u8; 22] = batch.array()?;
    let destination = contract[1..21].try_into().ok()?;
    let entrypoint = std::str::from_utf8(batch.block()?).ok()?;
    (contract[0] == 1 && contract[21] == 0 && entrypoint.len() <= MAX_ENTRYPOINT).then(|| {
        Transaction {
            parameters,
            parameters_ty,
            destination,
            entrypoint: entrypoint.to_owned(),
        }
    })
}

/// The lines of `show outbox` for one message, in the debugger's words of v18 and later.
pub fn show(bytes: &[u8]) -> String {
    let Some(message) = OutboxMessage::decode(bytes) else {
        return format!("Unknown encoding: {}", hex::encode(bytes));
    };
    match message {
        OutboxMessage::Transactions(transactions) => {
            let shown: Vec<String> = transactions.iter().map(show_transaction).collect();
            shown.join("\n")
        }
        other => other.to_json().pretty(),
    }
}

fn show_transaction(transaction: &Transaction) -> String {
    let mut parts = vec![
        format!("destination: {}", CONTRACT.encode(&transaction.destination)),
        format!("entrypoint: {}", transaction.entrypoint),
        format!(
            "unparsed_parameters: {}",
            micheline::to_json(&transaction.parameters).pretty()
        ),
    ];
    if let Some(ty) = &transaction.parameters_ty {
        parts.push(format!("unparsed_ty: {}", micheline::to_json(ty).pretty()));
    }
    let line = parts.join(" ");
    if line.len() <= 80 {
        line
    } else {
        parts.join("\n  ")
    }
}

/// The batch that a JSON object, or an array of them, describes: `destination`, `parameters` (Michelson text), optional
/// `entrypoint`, optional `parameters_ty`; or `{"whitelist": […] | null}`.
pub fn from_json(json: &str) -> Result<OutboxMessage, String> {
    let value: Value =
        serde_json::from_str(json).map_err(|error| format!("Invalid transaction json: {error}"))?;
    let transactions =
        match &value {
            Value::Object(fields) if fields.contains_key("whitelist") => {
                only(fields, &["whitelist"])?;
                return whitelist(&fields["whitelist"]);
            }
            Value::Object(_) => std::slice::from_ref(&value),
            Value::Array(items) => items,
            _ => return Err(
                "An outbox message must be either a single transaction or a list of transactions."
                    .into(),
            ),
        };
    let message = OutboxMessage::Transactions(
        transactions
            .iter()
            .map(from_object)
            .collect::<Result<_, _>>()?,
    );
    if let OutboxMessage::Transactions(all) = &message {
        let typed = all.iter().filter(|t| t.parameters_ty.is_some()).count();
        if typed != 0 && typed != all.len() {
            return Err("Invalid transaction json: either all transactions have `parameters_ty` or none has".into());
        }
    }
    Ok(message)
}

/// Refuses fields that mean nothing: they would be mistyped ones.
fn only(fields: &serde_json::Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("Invalid transaction json: unknown field `{key}`")),
        None => Ok(()),
    }
}

fn whitelist(value: &Value) -> Result<OutboxMessage, String> {
    let Value::Array(keys) = value else {
        return if value.is_null() {
            Ok(OutboxMessage::Whitelist(None))
        } else {
            Err("Invalid transaction json: `whitelist` must be null or a list".into())
        };
    };
    let keys = keys.iter().map(|key| {
        let text = key.as_str().unwrap_or_default();
        (0u8..)
            .zip(KEYS)
            .find_map(|(tag, kind)| Some((tag, kind.address(text).ok()?)))
            .ok_or_else(|| format!("Invalid transaction json: `{text}` is not a public key hash"))
    });
    Ok(OutboxMessage::Whitelist(Some(
        keys.collect::<Result<_, _>>()?,
    )))
}

fn from_object(value: &Value) -> Result<Transaction, String> {
    let wrong = |what: String| format!("Invalid transaction json: {what}");
    let fields = value
        .as_object()
        .ok_or_else(|| wrong("expected an object".into()))?;
    only(
        fields,
        &["destination", "parameters", "parameters_ty", "entrypoint"],
    )?;
    if let Some((key, _)) = fields.iter().find(|(_, value)| !value.is_string()) {
        return Err(wrong(format!("`{key}` must be a string")));
    }
    let field = |key: &str| value.get(key).and_then(Value::as_str);
    let expr =
        |key: &str, text: &str| text::parse(text).map_err(|error| wrong(format!("{key}: {error}")));
    let destination = field("destination").ok_or_else(|| wrong("missing `destination`".into()))?;
    let parameters = field("parameters").ok_or_else(|| wrong("missing `parameters`".into()))?;
    let entrypoint = field("entrypoint").unwrap_or("default");
    let entrypoint = entrypoint.strip_prefix('%').unwrap_or(entrypoint);
    if entrypoint.len() > MAX_ENTRYPOINT {
        return Err(wrong(format!(
            "entry point `{entrypoint}` is longer than {MAX_ENTRYPOINT} characters"
        )));
    }
    Ok(Transaction {
        parameters: expr("parameters", parameters)?,
        parameters_ty: field("parameters_ty")
            .map(|text| expr("parameters_ty", text))
            .transpose()?,
        destination: CONTRACT
            .address(destination)
            .map_err(|error| wrong(format!("invalid address `{destination}`: {error}")))?,
        entrypoint: entrypoint.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the manual: `Unit` to a contract.
    const UNIT: &str =
        "0000000023030b01d1a37c088a1221b636bb5fccb35e05181038ba7c000000000764656661756c74";

    #[test]
    fn the_example_of_the_manual_both_ways() {
        let json = r#"{"destination":"KT1ThEdxfUcWUwqsdergy3QnbCWGHSUHeHJq","parameters":"Unit","entrypoint":"%default"}"#;
        let message = from_json(json).unwrap();
        assert_eq!(hex::encode(message.encode().unwrap()), UNIT);
        assert_eq!(
            OutboxMessage::decode(&hex::decode(UNIT).unwrap()),
            Some(message)
        );
        assert_eq!(
            show(&hex::decode(UNIT).unwrap()),
            "destination: KT1ThEdxfUcWUwqsdergy3QnbCWGHSUHeHJq\n  entrypoint: default\n  \
             unparsed_parameters: { \"prim\": \"Unit\" }"
        );
    }

    #[test]
    fn other_kinds_come_back() {
        for json in [
            r#"{"whitelist":null}"#,
            r#"{"whitelist":["tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU"]}"#,
            r#"[{"destination":"KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT","parameters":"1","parameters_ty":"int"}]"#,
            "[]",
        ] {
            let message = from_json(json).unwrap();
            assert_eq!(
                OutboxMessage::decode(&message.encode().unwrap()),
                Some(message),
                "{json}"
            );
        }
        let signal = OutboxMessage::Signal("hello".into());
        assert_eq!(
            OutboxMessage::decode(&signal.encode().unwrap()),
            Some(signal)
        );
    }

    #[test]
    fn what_is_no_message_is_shown_as_it_is() {
        for bad in [
            "",
            "05",
            "0000000001",
            "02aa",
            &UNIT[..UNIT.len() - 2],
            &format!("{UNIT}00"),
        ] {
            assert_eq!(
                show(&hex::decode(bad).unwrap()),
                format!("Unknown encoding: {bad}")
            );
        }
        assert_eq!(
            from_json("1").unwrap_err(),
            "An outbox message must be either a single transaction or a list of transactions."
        );
        assert!(
            from_json("{")
                .unwrap_err()
                .starts_with("Invalid transaction json: EOF")
        );
        let valid = r#""destination":"KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT","parameters":"Unit""#;
        for (json, expected) in [
            (
                format!("{{{valid},\"entrypoint\":5}}"),
                "`entrypoint` must be a string",
            ),
            (
                format!("{{{valid},\"entrypiont\":\"x\"}}"),
                "unknown field `entrypiont`",
            ),
            (r#"{"whitelist":null,"x":1}"#.into(), "unknown field `x`"),
            ("[5]".into(), "expected an object"),
        ] {
            let expected = format!("Invalid transaction json: {expected}");
            assert_eq!(from_json(&json), Err(expected), "{json}");
        }
        assert_eq!(
            from_json("{}").unwrap_err(),
            "Invalid transaction json: missing `destination`"
        );
    }
}
