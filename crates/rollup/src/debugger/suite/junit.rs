//! `--junit`: the results as a file in the format that continuous integration reads, in the dialect of Jenkins.

use std::time::Duration;

use super::case::{Tested, Verdict};

/// The whole file.
pub(super) fn document(results: &[Tested], time: Duration) -> String {
    let count =
        |wanted: fn(&Verdict) -> bool| results.iter().filter(|one| wanted(&one.verdict)).count();
    let sums = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\"",
        results.len(),
        count(|verdict| matches!(verdict, Verdict::Differs(_))),
        count(|verdict| matches!(verdict, Verdict::CannotRun(_)))
    );
    let skipped = count(|verdict| matches!(verdict, Verdict::Skipped(_)));
    let time = format!("time=\"{:.3}\"", time.as_secs_f64());
    let cases: String = results.iter().map(case).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"kernel-debugger test\" {sums} {time}>\n  \
         <testsuite name=\"kernel-debugger\" {sums} skipped=\"{skipped}\" {time}>\n{cases}  </testsuite>\n</testsuites>\n"
    )
}

fn case(tested: &Tested) -> String {
    let name = &tested.case.name;
    let (folder, short) = name.rsplit_once('/').unwrap_or(("", name));
    let element = match &tested.verdict {
        Verdict::Passed | Verdict::Accepted(_) => None,
        Verdict::Skipped(reason) => Some(format!("<skipped message=\"{}\"/>", escape(reason))),
        Verdict::Differs(diff) => Some(format!(
            "<failure message=\"the output differs\" type=\"output\">{}</failure>",
            escape(diff)
        )),
        Verdict::CannotRun(text) => Some(format!(
            "<error message=\"{}\" type=\"cannot-run\"></error>",
            escape(text)
        )),
    };
    let head = format!(
        "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" time=\"{:.3}\"",
        escape(short),
        escape(folder),
        escape(&tested.case.directory.join("commands").to_string_lossy()),
        tested.time.as_secs_f64()
    );
    match element {
        None => format!("{head}/>\n"),
        Some(element) => format!("{head}>\n      {element}\n    </testcase>\n"),
    }
}

/// Text for an element or attribute. Characters that XML cannot hold are replaced; a carriage return would be read as a
/// newline.
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
    #[test]
    fn everything_that_xml_cannot_hold_is_escaped_or_replaced() {
        assert_eq!(
            super::escape("<a b=\"c\"> & 'd'\n\t\r\0\u{1b}[31m\u{ffff}é"),
            "&lt;a b=&quot;c&quot;&gt; &amp; 'd'\n\t&#13;\u{fffd}\u{fffd}[31m\u{fffd}é"
        );
    }
}
