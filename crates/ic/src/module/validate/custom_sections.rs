//! The custom sections that are metadata of the canister: those whose name begins with `icp:` (system-api.md 5.9).
//! All others mean nothing here and count for nothing.

use crate::errors::ModuleError;
use crate::module::facts::CustomSection;
use drun_engine::Sections;

const MAX_SECTIONS: u64 = 16;
/// For the contents and names of all sections together, in bytes.
const MAX_TOTAL_SIZE: u64 = 1024 * 1024;

/// The metadata sections of a module, in its order.
pub(super) fn check(sections: &Sections<'_>) -> Result<Vec<CustomSection>, ModuleError> {
    let mut found: Vec<CustomSection> = Vec::new();
    let mut size = 0;
    for section in &sections.custom {
        let Some(name) = section.name().strip_prefix("icp:") else {
            continue;
        };
        let (public, name) = if let Some(name) = name.strip_prefix("public ") {
            (true, name)
        } else if let Some(name) = name.strip_prefix("private ") {
            (false, name)
        } else if name == "public" || name == "private" {
            return Err(ModuleError::CustomSectionWithoutName);
        } else {
            return Err(ModuleError::CustomSectionWithoutScope(
                section.name().to_owned(),
            ));
        };
        if found.iter().any(|other| other.name == name) {
            return Err(ModuleError::DuplicateCustomSection(name.to_owned()));
        }
        let count = found.len() as u64 + 1;
        if count > MAX_SECTIONS {
            return Err(ModuleError::TooManyCustomSections {
                count,
                max: MAX_SECTIONS,
            });
        }
        size += (section.data().len() + name.len()) as u64;
        found.push(CustomSection {
            public,
            name: name.to_owned(),
            content: section.data().to_vec(),
        });
    }
    if size > MAX_TOTAL_SIZE {
        return Err(ModuleError::CustomSectionsTooLarge {
            size,
            max: MAX_TOTAL_SIZE,
        });
    }
    Ok(found)
}
