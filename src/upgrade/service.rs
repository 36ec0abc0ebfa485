//! Whether everybody who can call a canister can call the next version of it: the new service is a subtype of the old one.
//!
//! Owns the grouping of what breaks by method. The rules of subtyping are the candid crate's.

use candid::types::internal::{Type, TypeInner};
use candid::types::subtype::{Gamma, Incompatibility, subtype_check_all};

use crate::idl::Interface;

/// Something that breaks callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The method, if it is about one.
    pub method: Option<String>,
    /// Where in its type, and what.
    pub reason: String,
}

/// All that breaks callers of the old interface.
pub fn breaks(old: &Interface, new: &Interface) -> Vec<Break> {
    let mut env = new.env.clone();
    let old_service = env.merge_type(old.env.clone(), service(old));
    let found = subtype_check_all(&mut Gamma::new(), &env, &service(new), &old_service);
    found.iter().map(of).collect()
}

fn service(interface: &Interface) -> Type {
    let method = |(name, function): &(String, candid::types::Function)| {
        (name.clone(), TypeInner::Func(function.clone()).into())
    };
    TypeInner::Service(interface.methods.iter().map(method).collect()).into()
}

fn of(found: &Incompatibility) -> Break {
    let named = |segment: &String| {
        let rest = segment.strip_prefix("method ")?;
        Some(rest.trim_matches('"').to_owned())
    };
    let method = found.path.first().and_then(named);
    // What is said of a method as a whole begins with it.
    if found.path.is_empty()
        && let Some(behind) = found.message.strip_prefix("method \"")
        && let Some((name, reason)) = behind.split_once("\" ")
    {
        return Break {
            method: Some(name.to_owned()),
            reason: reason.to_owned(),
        };
    }
    let rest = &found.path[usize::from(method.is_some())..];
    let reason = match rest.is_empty() {
        true => found.message.clone(),
        false => format!("{}: {}", rest.join(", "), found.message),
    };
    Break { method, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(old: &str, new: &str) -> Vec<String> {
        let [old, new] = [old, new].map(|text| Interface::parse(text).unwrap());
        let text = |found: Break| format!("{}: {}", found.method.unwrap_or_default(), found.reason);
        breaks(&old, &new).into_iter().map(text).collect()
    }

    #[test]
    fn more_methods_and_optional_arguments_break_nobody() {
        let old = "type A = nat; service : { f : (A) -> (text) query }";
        let new = "type A = text; service : { f : (nat, opt A) -> (text, A) query; g : () -> () }";
        assert_eq!(found(old, new), [""; 0]);
        assert_eq!(found(old, old), [""; 0]);
    }

    #[test]
    fn each_broken_method_is_named() {
        let old = "service : { gone : () -> (); f : (nat) -> (record { a : nat; b : text }); q : () -> () query }";
        let new = "service : { f : (text) -> (record { a : nat }); q : () -> () }";
        let found = found(old, new);
        for method in ["gone: ", "f: ", "q: "] {
            assert!(
                found.iter().any(|line| line.starts_with(method)),
                "{method} in {found:?}"
            );
        }
        assert!(
            found
                .iter()
                .any(|line| line.starts_with("f: ") && line.contains('b')),
            "{found:?}"
        );
    }
}
