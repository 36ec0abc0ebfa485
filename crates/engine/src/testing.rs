//! A host for the tests of this crate that imports nothing and admits everything.

use crate::features::FEATURES;
use crate::host::{Activation, Host};
use crate::imports::{Imports, Linking};
use crate::meter::Exhausted;
use crate::rewrite::{Defect, Plan, Shape, Weights};
use crate::words::Address;

/// The host; its rules have a number, so that several can be told apart.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plain(pub u32);

/// Every operator costs one instruction.
pub(crate) struct One;

impl Weights for One {
    fn operator(&self, _: &wasmparser::Operator<'_>, _: bool) -> u64 {
        1
    }
}

impl Host for Plain {
    type Facts = Shape;
    type Refusal = String;
    type Activation = Nothing;

    fn identity(&self) -> String {
        format!("plain {}", self.0)
    }

    fn examine(&self, module: &[u8]) -> Result<Shape, String> {
        wasmparser::Validator::new_with_features(FEATURES)
            .validate_all(module)
            .map_err(|error| error.to_string())?;
        Shape::of(module).map_err(|defect| self.refuse(defect))
    }

    fn plan<'a>(&'a self, shape: &'a Shape) -> Plan<'a> {
        Plan::new(shape.clone(), &One)
    }

    fn refuse(&self, defect: Defect) -> String {
        format!("{defect:?}")
    }
}

impl Linking for Plain {
    fn link<A: Address>(_: &mut Imports<Self>) {}
}

/// Keeps nothing; first accesses may have a price.
pub(crate) struct Nothing(pub Option<u64>);

impl Activation for Nothing {
    type Stop = Exhausted;
    type Mark = ();

    fn mark(&mut self) {}

    fn rewind(&mut self, (): &()) {}

    fn touch_price(&self) -> Option<u64> {
        self.0
    }

    fn exhausted(&mut self, why: Exhausted) -> Exhausted {
        why
    }
}
