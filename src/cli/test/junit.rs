//! `--junit`: the results as a file in the format that continuous integration reads, in the dialect of Jenkins.

use std::fmt::Write;
use std::time::Duration;

use super::Tested;
use super::verdict::Verdict;

/// The whole file.
pub fn document(results: &[Tested<'_>], time: Duration) -> String {
    let count = |name| {
        results
            .iter()
            .filter(|tested| tested.verdict.name() == name)
            .count()
    };
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{:.3}\"",
        results.len(),
        count("failed"),
        count("skipped"),
        time.as_secs_f64()
    );
    let mut cases = String::new();
    for tested in results {
        case(&mut cases, tested).expect("writing to memory does not fail");
    }
    // "skipped" is an attribute of suites only.
    let all = counts.replacen(&format!(" skipped=\"{}\"", count("skipped")), "", 1);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"drun test\" {all}>\n  <testsuite name=\"drun\" {counts}>\n{cases}  </testsuite>\n</testsuites>\n"
    )
}

fn case(out: &mut String, tested: &Tested<'_>) -> std::fmt::Result {
    let name = escape(&tested.case.name);
    let seconds = tested.time.as_secs_f64();
    write!(
        out,
        "    <testcase name=\"{name}\" classname=\"drun\" time=\"{seconds:.3}\""
    )?;
    match &tested.verdict {
        Verdict::Passed | Verdict::Accepted => writeln!(out, "/>"),
        Verdict::Skipped(reason) => {
            writeln!(
                out,
                ">\n      <skipped message=\"{}\"/>\n    </testcase>",
                escape(reason)
            )
        }
        Verdict::Failed(fault) => writeln!(
            out,
            ">\n      <failure message=\"{}\" type=\"difference\">{}</failure>\n    </testcase>",
            escape(&fault.reason),
            escape(&fault.diff)
        ),
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
