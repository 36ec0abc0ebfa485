//! Whether a Motoko actor can take over the stable variables of another one.
//!
//! Owns the rules of stable subtyping (language manual, "Stable Subtyping" and "Stable signatures"): subtyping that loses no
//! data. Which modules are compared is not known here.

mod chain;
mod text;
mod types;

use std::collections::BTreeMap;

use text::Signature;
use types::{Definitions, Field, Type};

/// A stable variable that cannot be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The variable.
    pub variable: String,
    /// Its type in the old version, if it is there.
    pub from: Option<String>,
    /// Its type in the new version, if it is there.
    pub to: Option<String>,
    /// Why that does not fit.
    pub reason: String,
}

/// The stable variables of the old version that the new one cannot take over; `old` and `new` are texts of the section
/// `motoko:stable-types`.
///
/// # Errors
/// If a text cannot be read.
pub fn clashes(old: &str, new: &str) -> Result<Vec<Clash>, String> {
    let parse = |which: &str, text| {
        Signature::parse(text)
            .map_err(|error| format!("the stable types of the {which} module: {error}"))
    };
    let (old, new) = (parse("old", old)?, parse("new", new)?);
    let before = match new.chain.is_empty() {
        true => new.before,
        false => chain::taken_over(&new.chain, &new.after, &old.chain),
    };
    let mut rules = Rules::default();
    let mut clashes = Vec::new();
    for was in &old.after {
        let clash = |to: Option<&Field>, reason: String| Clash {
            variable: was.name.clone(),
            from: Some(written(was)),
            to: to.map(written),
            reason,
        };
        match before.iter().find(|field| field.name == was.name) {
            None => clashes.push(clash(
                None,
                "it is not there any more, so what it holds would be lost".to_owned(),
            )),
            Some(is) => {
                let sides = (Side::of(&old.types, &was.ty), Side::of(&new.types, &is.ty));
                if let Err(reason) = rules.subtype(&sides.0, &sides.1) {
                    clashes.push(clash(Some(is), reason));
                }
            }
        }
    }
    if new.migrates {
        for is in &before {
            if !old.after.iter().any(|field| field.name == is.name) {
                clashes.push(Clash {
                    variable: is.name.clone(),
                    from: None,
                    to: Some(written(is)),
                    reason: "the migration needs it, and the old version has none".to_owned(),
                });
            }
        }
    }
    Ok(clashes)
}

fn written(field: &Field) -> String {
    format!("{}{}", if field.var { "var " } else { "" }, field.ty)
}

/// A type with the definitions that its names are of.
#[derive(Clone)]
struct Side<'a> {
    types: &'a Definitions,
    ty: Type,
}

impl<'a> Side<'a> {
    fn of(types: &'a Definitions, ty: &Type) -> Self {
        let ty = ty.clone();
        Side { types, ty }
    }

    fn part(&self, ty: &Type) -> Self {
        Side::of(self.types, ty)
    }

    /// What a name stands for; nothing if it is defined nowhere.
    fn unfolded(&self) -> Option<Self> {
        let Type::Named(name, arguments) = &self.ty else {
            return None;
        };
        let (parameters, body) = self.types.get(name)?;
        let pairs = parameters.iter().map(String::as_str).zip(arguments);
        Some(self.part(&body.with(&pairs.collect::<BTreeMap<_, _>>())))
    }
}

/// Pairs that are assumed while they are looked at: types may be recursive.
#[derive(Default)]
struct Rules {
    assumed: Vec<(usize, String, usize, String)>,
}

/// So deep a comparison goes before it is given up: a type may grow whenever it is unfolded.
const MOST_PAIRS: usize = 2_000;

type Fits = Result<(), String>;

impl Rules {
    /// `from` is a stable subtype of `to`.
    fn subtype(&mut self, from: &Side<'_>, to: &Side<'_>) -> Fits {
        let identity = |side: &Side<'_>| std::ptr::from_ref(side.types) as usize;
        let pair = (
            identity(from),
            from.ty.to_string(),
            identity(to),
            to.ty.to_string(),
        );
        let named = matches!(from.ty, Type::Named(..)) || matches!(to.ty, Type::Named(..));
        if named {
            if self.assumed.contains(&pair) {
                return Ok(());
            }
            if self.assumed.len() == MOST_PAIRS {
                return Err("the types are too large to be compared".to_owned());
            }
            self.assumed.push(pair);
        }
        let known = self.assumed.len();
        let fits = match (from.unfolded(), to.unfolded()) {
            (Some(from), Some(to)) => self.subtype(&from, &to),
            (Some(from), None) => self.subtype(&from, to),
            (None, Some(to)) => self.subtype(from, &to),
            (None, None) => self.structure(from, to),
        };
        if fits.is_err() {
            // What was assumed may be wrong.
            self.assumed
                .truncate(known.saturating_sub(usize::from(named)));
        }
        fits
    }

    fn equal(&mut self, from: &Side<'_>, to: &Side<'_>) -> Fits {
        self.subtype(from, to)?;
        self.subtype(to, from)
            .map_err(|_| format!("{} can change and must stay {}", to.ty, from.ty))
    }

    fn structure(&mut self, from: &Side<'_>, to: &Side<'_>) -> Fits {
        let differ = || Err(format!("{} is no {}", from.ty, to.ty));
        match (&from.ty, &to.ty) {
            (Type::Named(a, _), _) if a == "None" => Ok(()),
            (Type::Named(a, _), Type::Opt(_)) if a == "Null" => Ok(()),
            (Type::Named(a, _), Type::Named(b, _)) if a == b || (&**a, &**b) == ("Nat", "Int") => {
                Ok(())
            }
            (_, Type::Named(b, _)) if b == "Any" => {
                Err(format!("{} would be lost in Any", from.ty))
            }
            (Type::Opt(a), Type::Opt(b))
            | (Type::Weak(a), Type::Weak(b))
            | (Type::Async(a), Type::Async(b))
            | (Type::Array(false, a), Type::Array(false, b)) => {
                self.subtype(&from.part(a), &to.part(b))
            }
            (Type::Array(true, a), Type::Array(true, b)) => self.equal(&from.part(a), &to.part(b)),
            (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
                let mut pairs = a.iter().zip(b);
                pairs.try_for_each(|(a, b)| self.subtype(&from.part(a), &to.part(b)))
            }
            (Type::Object(word, a), Type::Object(other, b)) if word == other => {
                self.fields(from, a, to, b)
            }
            (Type::Variant(a), Type::Variant(b)) => a.iter().try_for_each(|was| {
                let Some(is) = b.iter().find(|case| case.name == was.name) else {
                    return Err(format!("the case #{} is not there any more", was.name));
                };
                let fits = self.subtype(&from.part(&was.ty), &to.part(&is.ty));
                fits.map_err(|reason| within(&format!("#{}", was.name), &reason))
            }),
            (Type::Function(words, a, x), Type::Function(others, b, y)) if words == others => {
                self.subtype(&to.part(b), &from.part(a))?;
                self.subtype(&from.part(x), &to.part(y))
            }
            _ => differ(),
        }
    }

    fn fields(&mut self, from: &Side<'_>, a: &[Field], to: &Side<'_>, b: &[Field]) -> Fits {
        if let Some(new) = b
            .iter()
            .find(|field| !a.iter().any(|was| was.name == field.name))
        {
            return Err(format!("the old version has no field {}", new.name));
        }
        a.iter().try_for_each(|was| {
            let Some(is) = b.iter().find(|field| field.name == was.name) else {
                return Err(format!("the field {} would be lost", was.name));
            };
            let sides = (from.part(&was.ty), to.part(&is.ty));
            let fits = match (was.var, is.var) {
                (true, true) => self.equal(&sides.0, &sides.1),
                (false, false) => self.subtype(&sides.0, &sides.1),
                (true, false) => Err("it could change and no longer can".to_owned()),
                (false, true) => Err("it can change and could not".to_owned()),
            };
            fits.map_err(|reason| within(&format!(".{}", was.name), &reason))
        })
    }
}

/// A reason with one more step of the way to its place.
fn within(step: &str, reason: &str) -> String {
    match reason.split_once(": ") {
        Some((steps, rest)) if steps.starts_with(['.', '#']) && !steps.contains(' ') => {
            format!("{step}{steps}: {rest}")
        }
        _ => format!("{step}: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(fields: &str) -> String {
        format!("// Version: 1.0.0\ntype List<T> = ?(T, List<T>);\nactor {{\n  {fields}\n}};\n")
    }

    fn reasons(old: &str, new: &str) -> Vec<String> {
        let clashes = clashes(&actor(old), &actor(new)).unwrap();
        clashes.into_iter().map(|clash| clash.reason).collect()
    }

    #[test]
    fn what_loses_nothing_fits() {
        for (old, new) in [
            ("stable x : Nat", "stable var x : Int"),
            (
                "stable x : Nat; stable y : Text",
                "stable z : Bool; stable y : Text; stable x : Nat",
            ),
            ("stable l : List<Nat>", "stable l : List<Int>"),
            (
                "stable s : {#a : Nat; #b}",
                "stable s : {#b; #a : Int; #c : Text}",
            ),
            ("stable o : Null", "stable o : ?Text"),
            (
                "stable f : shared query Int -> async Nat",
                "stable f : shared query Nat -> async Int",
            ),
            (
                "stable a : [var (Text, Nat)]",
                "stable a : [var (Text, Nat)]",
            ),
        ] {
            assert_eq!(reasons(old, new), [""; 0], "{old} to {new}");
        }
    }

    /// since-october-2025-rules.md 3.1: what was run is remembered by name, and the rest of the chain follows.
    #[test]
    fn a_chain_of_migrations_takes_over_what_is_left_of_it_needs() {
        const INIT: &str = r#""00_Init" : {} -> {n : Nat}"#;
        const WIDE: &str = r#""01_Wide" : {n : Nat} -> {n : Int; t : Text}"#;
        const SHORT: &str = r#""02_Short" : {t : Text} -> {}"#;
        let version = |chain: &[&str], fields: &str| {
            let chain = chain.join("; ");
            format!("// Version: 4.0.0\n{{ {chain} }}\nactor {{ {fields} }};\n")
        };
        let first = version(&[INIT], "stable var n : Nat");
        let second = version(&[INIT, WIDE], "stable var n : Int; stable var t : Text");
        let third = version(&[INIT, WIDE, SHORT], "stable var n : Int");
        let found = |old: &str, new: &str| {
            let clashes = clashes(old, new).unwrap();
            let told = |clash: Clash| format!("{}: {}", clash.variable, clash.reason);
            clashes.into_iter().map(told).collect::<Vec<_>>()
        };
        for (old, new) in [
            (&first, &first),
            (&first, &second),
            (&second, &third),
            (&first, &third),
        ] {
            assert_eq!(found(old, new), [""; 0], "{old} to {new}");
        }
        // Nothing of the chain was run: it begins with nothing, so what is there would be lost.
        let without = actor("stable var n : Nat");
        assert_eq!(
            found(&without, &first),
            ["n: it is not there any more, so what it holds would be lost"]
        );
        // The oldest migrations may be left out once they were run.
        let later = version(&[WIDE], "stable var n : Int; stable var t : Text");
        assert_eq!(found(&first, &later), [""; 0]);
        assert_eq!(found(&without, &later), [""; 0]);
        let empty = actor("");
        assert_eq!(
            found(&empty, &later),
            ["n: the migration needs it, and the old version has none"]
        );
        let dropped = version(&[INIT, WIDE], "stable var t : Text");
        assert_eq!(
            found(&second, &dropped),
            ["n: it is not there any more, so what it holds would be lost"]
        );
        let odd = version(&[r#""00_Init" : Nat"#], "stable var n : Nat");
        assert!(
            clashes(&first, &odd)
                .unwrap_err()
                .contains("is no function")
        );
    }

    #[test]
    fn each_clash_says_which_variable_and_why() {
        for (old, new, reason) in [
            ("stable x : Int", "stable x : Nat", "Int is no Nat"),
            (
                "stable x : Nat",
                "",
                "it is not there any more, so what it holds would be lost",
            ),
            (
                "stable l : List<Int>",
                "stable l : List<Nat>",
                "Int is no Nat",
            ),
            (
                "stable s : {#a; #b}",
                "stable s : {#a}",
                "the case #b is not there any more",
            ),
            (
                "stable r : {a : {b : Nat}}",
                "stable r : {a : {b : Text}}",
                ".a.b: Nat is no Text",
            ),
            (
                "stable r : {a : Nat; b : Nat}",
                "stable r : {a : Nat}",
                "the field b would be lost",
            ),
            (
                "stable r : {a : Nat}",
                "stable r : {a : Nat; b : Nat}",
                "the old version has no field b",
            ),
            (
                "stable a : [var Nat]",
                "stable a : [var Int]",
                "Int can change and must stay Nat",
            ),
            (
                "stable a : (Nat, Nat)",
                "stable a : (Nat, Nat, Nat)",
                "(Nat, Nat) is no (Nat, Nat, Nat)",
            ),
            (
                "stable a : Nat",
                "stable a : Any",
                "Nat would be lost in Any",
            ),
        ] {
            assert_eq!(reasons(old, new), [reason], "{old} to {new}");
        }
    }

    #[test]
    fn a_migration_needs_all_that_it_takes() {
        let new = "actor ({ stable var a : Nat; stable b : Text }, { stable c : Bool });";
        let found = clashes(&actor("stable var a : Nat"), new).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].variable, "b");
        assert_eq!(found[0].from, None);
        let after = clashes(new, &actor("stable c : Bool")).unwrap();
        assert_eq!(after, []);
    }

    #[test]
    fn a_text_that_cannot_be_read_is_told() {
        for text in [
            "",
            "actor {",
            "type A = ;",
            "actor { stable x : {#a; b : Nat} }",
        ] {
            assert!(clashes(text, &actor("")).is_err(), "{text}");
        }
        let deep = format!("actor {{ stable x : {}Nat }}", "?".repeat(100_000));
        assert!(clashes(&deep, &actor("")).is_err());
    }
}
