//! The names of functions, which a module may carry in its `name` section for backtraces and profiles.

use wasmparser::{ExternalKind, KnownCustom, Name, NameSectionReader};

use crate::errors::ModuleError;
use drun_engine::Sections;

/// The functions of a raw module that have a name, with their indices in that module (imported functions first), in
/// the order of the section. Empty if there is no section or it cannot be read.
pub(super) fn function_names(module: &[u8]) -> Vec<(u32, String)> {
    let mut names = Vec::new();
    let Ok(sections) = Sections::read(module) else {
        return names;
    };
    for subsection in name_sections(&sections).flatten() {
        if let Ok(Name::Function(map)) = subsection {
            names.extend(
                map.into_iter()
                    .map_while(Result::ok)
                    .map(|naming| (naming.index, naming.name.to_owned())),
            );
        }
    }
    names
}

/// The functions of a raw module that are exported, with their indices, in the order of the section.
pub(super) fn exported_functions(module: &[u8]) -> Vec<(u32, String)> {
    let Ok(sections) = Sections::read(module) else {
        return Vec::new();
    };
    let exports = sections.exports.into_iter().flatten().map_while(Result::ok);
    exports
        .filter(|export| export.kind == ExternalKind::Func)
        .map(|export| (export.index, export.name.to_owned()))
        .collect()
}

/// The first function whose name has more than so many bytes. The section was read before.
pub(super) fn first_longer<'a>(sections: &Sections<'a>, bytes: u64) -> Option<(u32, &'a str)> {
    let subsections = name_sections(sections).flatten().flatten();
    let functions = subsections.filter_map(|subsection| match subsection {
        Name::Function(map) => Some(map),
        _ => None,
    });
    let mut namings = functions.flatten().flatten();
    let longer = namings.find(|naming| naming.name.len() as u64 > bytes)?;
    Some((longer.index, longer.name))
}

/// Reads all names, which the engine skips and the replica does not.
///
/// Fails with [`ModuleError::Unparsable`] where a name section is damaged.
pub(super) fn check(sections: &Sections<'_>) -> Result<(), ModuleError> {
    read_all(sections).map_err(|error| ModuleError::Unparsable(error.to_string()))
}

fn read_all(sections: &Sections<'_>) -> Result<(), wasmparser::Error> {
    for subsection in name_sections(sections).flatten() {
        match subsection? {
            Name::Function(map)
            | Name::Type(map)
            | Name::Table(map)
            | Name::Memory(map)
            | Name::Global(map)
            | Name::Element(map)
            | Name::Data(map)
            | Name::Tag(map) => {
                for naming in map {
                    naming?;
                }
            }
            Name::Local(maps) | Name::Label(maps) | Name::Field(maps) => {
                for map in maps {
                    for naming in map?.names {
                        naming?;
                    }
                }
            }
            Name::Module { .. } | Name::Unknown { .. } => {}
        }
    }
    Ok(())
}

fn name_sections<'a>(sections: &Sections<'a>) -> impl Iterator<Item = NameSectionReader<'a>> {
    sections
        .custom
        .iter()
        .filter_map(|section| match section.as_known() {
            KnownCustom::Name(names) => Some(names),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_functions_are_taken_from_the_original() {
        let module = wat::parse_str(
            r#"(module (import "ic0" "msg_reply" (func $reply)) (func $a) (func) (func $b))"#,
        )
        .unwrap();
        assert_eq!(
            function_names(&module),
            [
                (0, "reply".to_owned()),
                (1, "a".to_owned()),
                (3, "b".to_owned())
            ]
        );
        assert!(function_names(b"\0asm\x01\0\0\0").is_empty());
    }
}
