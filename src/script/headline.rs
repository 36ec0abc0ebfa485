//! A statement without its argument: what its result is told by.

use super::statement::{CallKind, Statement};

/// The words of a statement that say what it is and to whom: `ingress ledger mint`.
pub fn headline(statement: &Statement) -> String {
    match statement {
        Statement::Create { name: None, .. } => "create".into(),
        Statement::Create {
            name: Some(name), ..
        } => format!("create {}", name.value),
        Statement::Install { mode, canister, .. } => format!("{mode} {}", canister.value),
        Statement::Call {
            kind,
            canister,
            method,
            ..
        } => {
            let word = match kind {
                CallKind::Ingress => "ingress",
                CallKind::Query => "query",
                CallKind::Call => "call",
            };
            format!(
                "{word} {} {}",
                canister.value,
                super::statement::method(&method.value)
            )
        }
        Statement::TopUp { canister, .. } => format!("top-up {}", canister.value),
        Statement::Manage {
            management,
            canister,
        } => format!("{} {}", management.word(), canister.value),
        Statement::Settings { canister, .. } => format!("settings {}", canister.value),
        Statement::Controllers { canister, .. } => format!("controllers {}", canister.value),
        other => other.to_string(),
    }
}
