//! Reads the text of a stable signature. Types are kept as they are written, with single blanks.

use super::{Definition, Fault, Field, Signature};

/// How deep brackets of a type may nest.
const MAX_DEPTH: usize = 1000;

pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
}

type Read<T> = Result<T, Fault>;

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Parser { text, at: 0 }
    }

    /// The whole text.
    pub(super) fn signature(mut self) -> Read<Signature> {
        let mut signature = Signature {
            version: self.version(),
            ..Signature::default()
        };
        while self.takes_word("type") {
            signature.types.push(self.definition('=')?);
            self.take(";");
        }
        if self.rest().starts_with('{') {
            signature.migrations = self.migrations()?;
            self.take(";");
            self.take(",");
        }
        if !self.takes_word("actor") {
            return Err(self.fault("`type`, migrations or `actor`"));
        }
        if self.take("(") {
            signature.before = Some(self.fields("in")?);
            self.expect(",", "`,` between the two halves")?;
            signature.fields = self.fields("stable")?;
            self.expect(")", "`)`")?;
        } else {
            signature.fields = self.fields("stable")?;
        }
        self.take(";");
        match self.rest() {
            "" => Ok(signature),
            _ => Err(self.fault("the end")),
        }
    }

    /// `// Version: 1.0.0`
    fn version(&mut self) -> Option<String> {
        let line = self.text.trim_start().lines().next()?;
        let version = line.strip_prefix("//")?.trim().strip_prefix("Version:")?;
        Some(version.trim().to_owned())
    }

    /// What is left, behind blanks and comments.
    fn rest(&mut self) -> &'a str {
        loop {
            let rest = &self.text[self.at..];
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with("//") {
                return trimmed;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    fn fault(&mut self, expected: &'static str) -> Fault {
        self.rest();
        Fault {
            at: self.at,
            expected,
        }
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    fn expect(&mut self, sign: &str, what: &'static str) -> Read<()> {
        match self.take(sign) {
            true => Ok(()),
            false => Err(self.fault(what)),
        }
    }

    /// A word, and nothing that goes on behind it.
    fn takes_word(&mut self, word: &str) -> bool {
        let rest = self.rest();
        let goes_on = |c: char| c.is_alphanumeric() || c == '_';
        let found = rest
            .strip_prefix(word)
            .is_some_and(|after| !after.starts_with(goes_on));
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// Text up to a sign outside of brackets and quotes, which stays.
    fn until(&mut self, stops: &[char], what: &'static str) -> Read<String> {
        let rest = self.rest();
        let (mut depth, mut quoted) = (0usize, false);
        let mut before = ' ';
        for (index, c) in rest.char_indices() {
            // Arguments of a type stand in brackets, too; an arrow and a bound are none.
            let (opens, closes) = (
                c == '<' && !rest[index..].starts_with("<:"),
                c == '>' && before != '-',
            );
            before = c;
            match c {
                '"' => quoted = !quoted,
                _ if quoted => {}
                c if depth == 0 && stops.contains(&c) => {
                    self.at += index;
                    let words: Vec<&str> = rest[..index].split_whitespace().collect();
                    return match words.is_empty() {
                        true => Err(self.fault(what)),
                        false => Ok(words.join(" ")),
                    };
                }
                '(' | '{' | '[' => depth += 1,
                _ if opens => depth += 1,
                ')' | '}' | ']' if depth > 0 => depth -= 1,
                _ if closes && depth > 0 => depth -= 1,
                ')' | '}' | ']' => break,
                _ => {}
            }
            if depth > MAX_DEPTH {
                break;
            }
        }
        Err(self.fault(what))
    }

    /// A name and a type, behind this sign.
    fn definition(&mut self, sign: char) -> Read<Definition> {
        let name = self.until(&[sign], "a name")?;
        self.at += sign.len_utf8();
        let ty = self.until(&[';', '}', ','], "a type")?;
        Ok(Definition { name, ty })
    }

    /// `{ "00_Init" : {} -> {…}; … }`
    fn migrations(&mut self) -> Read<Vec<Definition>> {
        self.expect("{", "`{`")?;
        let mut migrations = Vec::new();
        while !self.take("}") {
            let mut migration = self.definition(':')?;
            migration.name = migration.name.trim_matches('"').to_owned();
            migrations.push(migration);
            if !self.take(";") {
                self.expect("}", "`;` or `}`")?;
                break;
            }
        }
        Ok(migrations)
    }

    /// `{ stable var n : Nat; stable t : Text }`, with this word or `stable` before each.
    fn fields(&mut self, word: &str) -> Read<Vec<Field>> {
        self.expect("{", "`{`")?;
        let mut fields = Vec::new();
        while !self.take("}") {
            if !self.takes_word(word) && !self.takes_word("stable") {
                return Err(self.fault("`stable` or `in`"));
            }
            let mutable = self.takes_word("var");
            let Definition { name, ty } = self.definition(':')?;
            fields.push(Field { mutable, name, ty });
            if !self.take(";") {
                self.expect("}", "`;` or `}`")?;
                break;
            }
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(text: &str) -> String {
        text.to_owned()
    }

    fn shown(fields: &[Field]) -> Vec<String> {
        fields.iter().map(Field::to_string).collect()
    }

    #[test]
    fn arguments_of_types_are_no_further_types() {
        let text = "type Map<K, V <: Any> = [(K, V)];\nactor {\n  stable m : Map<Nat, shared Nat -> async Text>;\n  stable var n : Nat\n};\n";
        let signature = Signature::parse(text).unwrap();
        assert_eq!(signature.types[0].name, "Map<K, V <: Any>");
        let types: Vec<&str> = signature.fields.iter().map(|field| &*field.ty).collect();
        assert_eq!(types, ["Map<Nat, shared Nat -> async Text>", "Nat"]);
    }

    #[test]
    fn version_1_is_an_actor_with_its_fields() {
        let text = "// Version: 1.0.0\ntype Tree__3 =\n  {#leaf; #node : (Tree__3, Nat, Tree__3)};\nactor {\n  stable f : {a : Nat; var b : Int8};\n  stable var m : [var (Text, ?Nat)];\n  stable var tree : Tree__3\n};\n";
        let signature = Signature::parse(text).expect("it is one");
        assert_eq!(signature.version.as_deref(), Some("1.0.0"));
        assert_eq!(signature.types.len(), 1);
        assert_eq!(signature.types[0].name, "Tree__3");
        assert_eq!(
            signature.types[0].ty,
            "{#leaf; #node : (Tree__3, Nat, Tree__3)}"
        );
        assert_eq!(
            shown(&signature.fields),
            [
                field("f : {a : Nat; var b : Int8}"),
                field("var m : [var (Text, ?Nat)]"),
                field("var tree : Tree__3")
            ]
        );
        assert_eq!(signature.before, None);
    }

    #[test]
    fn version_3_has_two_halves() {
        let text = "// Version: 3.0.0\nactor ({\n  in var n : Nat;\n  stable k : Text\n}, {\n  stable var m : Int\n});\n";
        let signature = Signature::parse(text).expect("it is one");
        let before = signature.before.expect("a migration");
        assert_eq!(shown(&before), ["var n : Nat", "k : Text"]);
        assert_eq!(shown(&signature.fields), ["var m : Int"]);
    }

    #[test]
    fn version_4_begins_with_its_migrations() {
        let text = "// Version: 4.0.0\n{\n  \"00_Init\" : {} -> {n : Nat};\n  \"01_Wide\" : {n : Nat} -> {n : Int; f : Nat -> shared () -> async ()}\n}\nactor {\n  stable var n : Int\n};\n";
        let signature = Signature::parse(text).expect("it is one");
        let names: Vec<&str> = signature.migrations.iter().map(|it| &*it.name).collect();
        assert_eq!(names, ["00_Init", "01_Wide"]);
        assert_eq!(signature.migrations[0].ty, "{} -> {n : Nat}");
        assert_eq!(shown(&signature.fields), ["var n : Int"]);
    }

    #[test]
    fn without_fields_or_version_it_is_one_too() {
        for text in [
            "actor {};",
            "actor { }",
            "// Version: 2.0.0\nactor ({}, {});",
        ] {
            let signature = Signature::parse(text).expect(text);
            assert_eq!(signature.fields, []);
        }
    }

    #[test]
    fn what_is_none_is_told_with_its_place() {
        for (text, at, expected) in [
            ("", 0, "`type`, migrations or `actor`"),
            ("actor { var n : Nat }", 8, "`stable` or `in`"),
            ("actor { stable n }", 15, "a name"),
            ("actor { stable n : }", 19, "a type"),
            ("actor { stable n : Nat", 19, "a type"),
            ("actor {} more", 9, "the end"),
            ("actor ({}) ;", 9, "`,` between the two halves"),
        ] {
            let fault = Signature::parse(text).expect_err(text);
            assert_eq!((fault.at, fault.expected), (at, expected), "{text}");
        }
        assert!(Signature::parse(&"{".repeat(1_000_000)).is_err());
    }
}
