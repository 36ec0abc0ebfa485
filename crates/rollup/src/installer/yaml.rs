//! YAML as a tree of texts: a value of digits is not a number here, so that `0102` stays what it is.

use yaml_rust2::parser::{Event, MarkedEventReceiver, Parser};
use yaml_rust2::scanner::{Marker, ScanError};

/// A part of a document. Tags mean nothing; aliases are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// A text, as it stands there.
    Scalar(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Fields in their order.
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    /// The fields of a map.
    pub(super) fn fields(&self) -> Option<&[(Node, Node)]> {
        match self {
            Self::Mapping(fields) => Some(fields),
            _ => None,
        }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar(text) => Some(text),
            _ => None,
        }
    }
}

/// Deeper documents are refused: a setup has four levels.
const MAX_DEPTH: usize = 64;

/// The documents of a text.
pub(super) fn documents(text: &str) -> Result<Vec<Node>, ScanError> {
    let mut builder = Builder::default();
    Parser::new_from_str(text).load(&mut builder, true)?;
    match builder.refused {
        Some((mark, what)) => Err(ScanError::new(mark, what)),
        None => Ok(builder.documents),
    }
}

#[derive(Default)]
struct Builder {
    open: Vec<(bool, Vec<Node>)>,
    documents: Vec<Node>,
    /// The first thing that is not understood.
    refused: Option<(Marker, &'static str)>,
}

impl Builder {
    fn add(&mut self, node: Node) {
        match self.open.last_mut() {
            Some((_, items)) => items.push(node),
            None => self.documents.push(node),
        }
    }
}

impl MarkedEventReceiver for Builder {
    fn on_event(&mut self, event: Event, mark: Marker) {
        match event {
            Event::Scalar(text, ..) => self.add(Node::Scalar(text)),
            Event::Alias(_) => {
                self.refused
                    .get_or_insert((mark, "aliases are not understood"));
                self.add(Node::Scalar(String::new()));
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if self.open.len() == MAX_DEPTH {
                    self.refused.get_or_insert((mark, "nested too deeply"));
                }
                self.open
                    .push((matches!(event, Event::MappingStart(..)), Vec::new()));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some((mapping, items)) = self.open.pop() else {
                    return;
                };
                self.add(if mapping {
                    let mut items = items.into_iter();
                    let mut fields = Vec::new();
                    while let (Some(key), Some(value)) = (items.next(), items.next()) {
                        fields.push((key, value));
                    }
                    Node::Mapping(fields)
                } else {
                    Node::Sequence(items)
                });
            }
            _ => {}
        }
    }
}
