//! What a node does wrong on purpose, to have something that can be refuted: `--loser-mode` (rollup-node.md, section 11).

use serde_json::{Map, Value, json};

use super::dal::{self, PAGE_SIZE};
use crate::reveal::Request;

/// Where a state goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The level.
    pub level: i32,
    /// The message of that level, those of the protocol counted too.
    pub message: usize,
    /// The tick since the message's first.
    pub tick: u64,
}

/// A page of the data availability layer that kernels are told wrong; what is left open is any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageLie {
    level: Option<i32>,
    slot: Option<u8>,
    page: Option<i16>,
    payload: Vec<u8>,
}

/// What kernels are told wrong about the data availability layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DalLies {
    parameters: Option<[u64; 4]>,
    pages: Vec<PageLie>,
}

impl DalLies {
    /// The wrong answer to a request, if there is one.
    pub fn about(&self, request: &Request) -> Option<Vec<u8>> {
        match request {
            Request::DalParameters => self.parameters.map(dal::parameters),
            Request::DalPage { level, slot, page } => {
                let lie = self.pages.iter().find(|lie| {
                    lie.level.is_none_or(|wrong| wrong == *level)
                        && lie.slot.is_none_or(|wrong| wrong == *slot)
                        && lie.page.is_none_or(|wrong| wrong == *page)
                })?;
                let mut content = lie.payload.clone();
                content.resize(PAGE_SIZE, 0);
                Some(content)
            }
            Request::Preimage(_) | Request::Metadata => None,
        }
    }
}

/// All that a node does wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loser {
    /// States.
    pub failures: Vec<Failure>,
    /// Answers.
    pub dal: DalLies,
}

/// What takes a message's place at its first tick, and a page's.
pub const CHEATER: &[u8] = b"to the cheater we promise pain and misery";

/// What a node says when it begins.
pub const BANNER: [&str; 3] = [
    "************ WARNING *************",
    "This rollup node is in loser mode.",
    "This should be used for test only!",
];

const PARAMETERS: &str = "reveal_dal_parameters";
const PAGE: &str = "reveal_dal_page";

impl Loser {
    /// Reads failure points, numbers in threes; or four wrong parameters; or which page is wrong.
    ///
    /// # Errors
    /// The text of the original.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let loser = match words[..] {
            [] => None,
            [PARAMETERS, ref numbers @ ..] => parameters(numbers.iter().map(|n| n.parse().ok())),
            [PAGE, ref fields @ ..] => {
                let mut given = Map::new();
                let fields: Option<Vec<_>> =
                    fields.iter().map(|word| word.split_once(':')).collect();
                for (key, value) in fields.into_iter().flatten() {
                    let number = value.parse::<i32>().ok().filter(|_| key != "payload");
                    let value = number.map_or_else(|| value.into(), Value::from);
                    given.insert(key.to_owned(), value);
                }
                (given.len() == words.len() - 1)
                    .then(|| page(&Value::Object(given)))
                    .flatten()
            }
            ref numbers if numbers.len().is_multiple_of(3) => numbers
                .chunks(3)
                .map(|words| {
                    Some(Failure {
                        level: words[0].parse().ok()?,
                        message: words[1].parse().ok()?,
                        tick: words[2].parse().ok()?,
                    })
                })
                .collect::<Option<_>>()
                .map(|failures| Self {
                    failures,
                    ..Self::default()
                }),
            _ => None,
        };
        loser.ok_or_else(|| "Invalid syntax for failure points".to_owned())
    }

    /// Reads the list of a configuration file.
    ///
    /// # Errors
    /// If it has another shape.
    pub fn from_json(value: &Value) -> Result<Self, String> {
        let mut loser = Self::default();
        for item in value.as_array().into_iter().flatten() {
            let read = if let Some(numbers) = item[PARAMETERS].as_array() {
                parameters(numbers.iter().map(Value::as_u64))
            } else if let Some(fields) = item.get(PAGE) {
                page(fields)
            } else {
                failure(item)
            };
            let read = read.ok_or(
                "configuration: `loser-mode` must list objects with level, message_index and message_tick, with reveal_dal_parameters or with reveal_dal_page",
            )?;
            loser.failures.extend(read.failures);
            loser.dal.parameters = read.dal.parameters.or(loser.dal.parameters);
            loser.dal.pages.extend(read.dal.pages);
        }
        Ok(loser)
    }

    /// The list as a configuration shows it.
    pub fn to_json(&self) -> Value {
        let failures = self.failures.iter().map(|failure| {
            json!({ "level": failure.level, "message_index": failure.message, "message_tick": failure.tick })
        });
        let parameters = self
            .dal
            .parameters
            .iter()
            .map(|numbers| json!({ PARAMETERS: numbers }));
        let pages = self.dal.pages.iter().map(|lie| {
            let mut fields = Map::new();
            for (key, value) in [
                ("published_level", lie.level.map(Value::from)),
                ("slot_index", lie.slot.map(Value::from)),
                ("page_index", lie.page.map(Value::from)),
            ] {
                fields.extend(value.map(|value| (key.to_owned(), value)));
            }
            fields.insert("payload".into(), hex::encode(&lie.payload).into());
            json!({ PAGE: fields })
        });
        failures.chain(parameters).chain(pages).collect()
    }

    /// Whether anything is done wrong.
    pub fn is_loser(&self) -> bool {
        *self != Self::default()
    }
}

fn failure(item: &Value) -> Option<Loser> {
    let failure = Failure {
        level: i32::try_from(item["level"].as_i64()?).ok()?,
        message: usize::try_from(item["message_index"].as_u64()?).ok()?,
        tick: item["message_tick"].as_u64()?,
    };
    Some(Loser {
        failures: vec![failure],
        ..Loser::default()
    })
}

fn parameters(numbers: impl Iterator<Item = Option<u64>>) -> Option<Loser> {
    let numbers: Vec<u64> = numbers.collect::<Option<_>>()?;
    let mut loser = Loser::default();
    loser.dal.parameters = Some(numbers.try_into().ok()?);
    Some(loser)
}

/// A page by its fields; other names, and what is no number where one belongs, are refused.
fn page(fields: &Value) -> Option<Loser> {
    let mut lie = PageLie {
        level: None,
        slot: None,
        page: None,
        payload: CHEATER.to_vec(),
    };
    for (key, value) in fields.as_object()? {
        match key.as_str() {
            "published_level" => lie.level = Some(value.as_i64()?.try_into().ok()?),
            "slot_index" => lie.slot = Some(value.as_u64()?.try_into().ok()?),
            "page_index" => lie.page = Some(value.as_u64()?.try_into().ok()?),
            "payload" => lie.payload = hex::decode(value.as_str()?).ok()?,
            _ => return None,
        }
    }
    let mut loser = Loser::default();
    (lie.payload.len() <= PAGE_SIZE).then(|| loser.dal.pages.push(lie))?;
    Some(loser)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_points_are_numbers_in_threes() {
        let loser = Loser::parse("3 0 0  4 2 1000").unwrap();
        assert_eq!(
            loser.failures[1],
            Failure {
                level: 4,
                message: 2,
                tick: 1000
            }
        );
        assert_eq!(Loser::from_json(&loser.to_json()), Ok(loser));
        for bad in [
            "",
            "1 2",
            "1 2 x",
            "a b c",
            "reveal_dal_parameters 1 2 3",
            "reveal_dal_parameters 1 2 3 x",
            "reveal_dal_page level:1",
            "reveal_dal_page slot_index",
            "reveal_dal_page slot_index:300",
            "reveal_dal_page slot_index:1 slot_index:2",
            "reveal_dal_page payload:0",
        ] {
            assert_eq!(
                Loser::parse(bad),
                Err("Invalid syntax for failure points".into()),
                "{bad}"
            );
        }
        assert!(Loser::from_json(&json!([{ "level": 1 }])).is_err());
    }

    #[test]
    fn lies_about_the_data_availability_layer_are_told_where_they_belong() {
        let page = |level, slot, page| Request::DalPage { level, slot, page };
        let loser = Loser::parse("reveal_dal_parameters 1 2 3 4").unwrap();
        assert_eq!(
            loser.dal.about(&Request::DalParameters),
            Some(dal::parameters([1, 2, 3, 4]))
        );
        assert_eq!(loser.dal.about(&page(1, 0, 0)), None);
        assert_eq!(Loser::from_json(&loser.to_json()), Ok(loser));

        let loser = Loser::parse("reveal_dal_page published_level:5 page_index:2").unwrap();
        let told = loser.dal.about(&page(5, 9, 2)).unwrap();
        assert!(told.starts_with(CHEATER) && told.len() == PAGE_SIZE);
        assert_eq!(loser.dal.about(&page(5, 9, 1)), None);
        assert_eq!(loser.dal.about(&page(4, 9, 2)), None);
        assert_eq!(loser.dal.about(&Request::DalParameters), None);
        assert_eq!(Loser::from_json(&loser.to_json()), Ok(loser));

        let loser = Loser::parse("reveal_dal_page payload:0102").unwrap();
        assert_eq!(loser.dal.about(&page(0, 0, 0)).unwrap()[..3], [1, 2, 0]);
        let loser = Loser::parse("reveal_dal_page").unwrap();
        assert!(loser.is_loser() && loser.dal.about(&page(0, 0, 0)).is_some());
    }
}
