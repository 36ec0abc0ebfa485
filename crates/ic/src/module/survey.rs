//! What a module file holds beyond what the rules ask for: sizes of functions and sections, globals, all exports. For
//! people who look at a module; valid or not, as far as it can be read.

use wasmparser::ExternalKind;

use super::complexity::complexity;
use super::decode::decode;
use super::facts::MethodKind;
use crate::errors::ModuleError;
use drun_engine::Sections;

/// A function that the module defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionSize {
    /// Index in the module, imported functions first.
    pub index: u32,
    /// Bytes of its body.
    pub bytes: u64,
    /// Operators, at most 1,000,000 in a function.
    pub operators: u64,
    /// Complexity, at most 1,000,000 too (system-api.md 5.7).
    pub complexity: u64,
}

/// What was found in a module file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Bytes of the module when extracted.
    pub module_bytes: u64,
    /// Globals, and how many of them are mutable.
    pub globals: (u64, u64),
    /// All custom sections, with the bytes of their contents.
    pub custom_sections: Vec<(String, u64)>,
    /// Names of exports that mean nothing to the Internet Computer.
    pub other_exports: Vec<String>,
    /// Largest first.
    pub functions: Vec<FunctionSize>,
}

impl Survey {
    /// Looks at a module file. What cannot be read is left out.
    ///
    /// # Errors
    /// If it does not even hold a module.
    pub fn of(blob: &[u8]) -> Result<Self, ModuleError> {
        let raw = decode(blob)?;
        let mut survey = Survey {
            module_bytes: raw.len() as u64,
            ..Survey::default()
        };
        if let Ok(sections) = Sections::read(&raw) {
            // What comes before the damage still is worth seeing.
            let _ = survey.read(&sections);
        }
        survey
            .functions
            .sort_by_key(|function| std::cmp::Reverse(function.bytes));
        Ok(survey)
    }

    fn read(&mut self, sections: &Sections<'_>) -> Result<(), wasmparser::Error> {
        for section in &sections.custom {
            let bytes = section.data().len() as u64;
            self.custom_sections
                .push((section.name().to_owned(), bytes));
        }
        for global in sections.globals.iter().flat_map(|globals| globals.clone()) {
            self.globals.0 += 1;
            self.globals.1 += u64::from(global?.ty.mutable);
        }
        for export in sections.exports.iter().flat_map(|exports| exports.clone()) {
            let export = export?;
            let method = MethodKind::of_export(export.name).is_some()
                || export.name.starts_with("canister_");
            if export.kind != ExternalKind::Func || !method {
                self.other_exports.push(export.name.to_owned());
            }
        }
        let mut imported = 0;
        for import in sections
            .imports
            .iter()
            .flat_map(|imports| imports.clone().into_imports())
        {
            imported += u32::from(matches!(import?.ty, wasmparser::TypeRef::Func(_)));
        }
        for (index, body) in (imported..).zip(&sections.bodies) {
            let mut size = FunctionSize {
                index,
                bytes: body.range().len() as u64,
                operators: 0,
                complexity: 0,
            };
            for operator in body.get_operators_reader()? {
                size.operators += 1;
                size.complexity += complexity(&operator?);
            }
            self.functions.push(size);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured_and_sorted_and_other_exports_told() {
        let module = wat::parse_str(
            r#"(module
                (import "ic0" "msg_reply" (func))
                (func)
                (func (export "canister_update big") (block (drop (i32.popcnt (i32.const 1)))))
                (memory (export "memory") 1)
                (global (mut i32) (i32.const 0))
                (global i32 (i32.const 0)))"#,
        )
        .unwrap();
        let survey = Survey::of(&module).unwrap();
        assert_eq!(survey.module_bytes, module.len() as u64);
        assert_eq!(survey.globals, (2, 1));
        assert_eq!(survey.other_exports, ["memory"]);
        // Body: no locals (1), block with its type (2), const (2), popcnt, drop, end, end. Complexity: 50 for the block,
        // 2 for popcnt, 1 for each of the four others. The other function has its declarations and its end.
        let [big, small] = survey.functions[..] else {
            panic!("{:?}", survey.functions)
        };
        assert_eq!(
            big,
            FunctionSize {
                index: 2,
                bytes: 9,
                operators: 6,
                complexity: 56
            }
        );
        assert_eq!(
            small,
            FunctionSize {
                index: 1,
                bytes: 2,
                operators: 1,
                complexity: 1
            }
        );
    }

    #[test]
    fn a_file_that_is_no_module_is_refused() {
        assert_eq!(Survey::of(b"(module)"), Err(ModuleError::UnsupportedFormat));
    }
}
