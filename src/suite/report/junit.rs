//! `--junit`: the results as a file in the format that continuous integration reads, in the dialect of Jenkins.

use std::fmt::Write;
use std::time::Duration;

use crate::suite::tested::Tested;
use crate::suite::verdict::{Kind, Verdict};

/// The whole file.
pub fn document(results: &[Tested<'_>], time: Duration) -> String {
    let count = |wanted: &dyn Fn(&Verdict) -> bool| {
        results
            .iter()
            .filter(|tested| wanted(&tested.verdict))
            .count()
    };
    let errors = count(&|verdict| is_error(verdict));
    let failures = count(&|verdict| matches!(verdict, Verdict::Failed(_))) - errors;
    let skipped = count(&|verdict| matches!(verdict, Verdict::Skipped(_)));
    let sums = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\"",
        results.len()
    );
    let time = format!("time=\"{:.3}\"", time.as_secs_f64());
    let mut cases = String::new();
    for tested in results {
        case(&mut cases, tested).expect("writing to memory does not fail");
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"drun test\" {sums} {time}>\n  \
         <testsuite name=\"drun\" {sums} skipped=\"{skipped}\" {time}>\n{cases}  </testsuite>\n</testsuites>\n"
    )
}

/// What could not be judged is an error, what is not as expected a failure.
fn is_error(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Failed(fault) if matches!(fault.kind, Kind::Killed | Kind::Broken | Kind::CannotRun))
}

fn case(out: &mut String, tested: &Tested<'_>) -> std::fmt::Result {
    let case = tested.case;
    let short = case
        .name
        .rsplit_once('/')
        .map_or(&*case.name, |(_, short)| short);
    write!(
        out,
        "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" time=\"{:.3}\"",
        escape(short),
        escape(case.folder()),
        escape(&case.source.to_string_lossy()),
        tested.time.as_secs_f64()
    )?;
    match &tested.verdict {
        Verdict::Passed | Verdict::Accepted(_) => writeln!(out, "/>"),
        Verdict::Skipped(reason) => {
            writeln!(
                out,
                ">\n      <skipped message=\"{}\"/>\n    </testcase>",
                escape(reason)
            )
        }
        Verdict::Failed(fault) => {
            let element = if is_error(&tested.verdict) {
                "error"
            } else {
                "failure"
            };
            writeln!(
                out,
                ">\n      <{element} message=\"{}\" type=\"{}\">{}</{element}>\n    </testcase>",
                escape(&fault.reason),
                fault.kind.name(),
                escape(&fault.diff)
            )
        }
    }
}

/// Text for an element or attribute. Characters that XML cannot hold are replaced; a carriage return would be read as
/// a newline.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#13;"),
            '\n' | '\t' => escaped.push(c),
            '\0'..'\x20' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_xml_cannot_hold_is_escaped_or_replaced() {
        assert_eq!(
            escape("<a b=\"c\"> & 'd'\n\t\r\0\u{1b}[31m\u{ffff}é"),
            "&lt;a b=&quot;c&quot;&gt; &amp; 'd'\n\t&#13;\u{fffd}\u{fffd}[31m\u{fffd}é"
        );
    }
}
