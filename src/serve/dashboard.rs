//! Pages that a person looks at: the instances of a server, and what is on one of them. Owns how it looks; the page asks for itself again
//! every two seconds.

use std::fmt::Write;

use candid::Principal;
use drun_ic::net::{Journal, Net};

use super::Server;
use super::answer::{Answer, Outcome};
use super::instances::Instance;

const PAGE: &str = include_str!("dashboard.html");
/// Where one says which canisters are looked for.
const FILTER: &str =
    r#"<input type="search" placeholder="filter canisters" aria-label="filter canisters">"#;
/// Lines of logs that are shown.
const LINES: usize = 60;

fn page(title: &str, heading: &str, facts: &str, filter: &str, body: &str) -> Answer {
    let page = PAGE
        .replacen("{title}", &escaped(title), 1)
        .replacen("{heading}", heading, 1)
        .replacen("{facts}", facts, 1)
        .replacen("{filter}", filter, 1)
        .replacen("{body}", body, 1);
    Answer::html(page)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A number in groups of three digits.
fn grouped(number: impl ToString) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Cycles as a person says them.
fn cycles(cycles: u128) -> String {
    let units = [
        (1_000_000_000_000, "T"),
        (1_000_000_000, "B"),
        (1_000_000, "M"),
    ];
    let unit = units.into_iter().find(|(unit, _)| cycles >= *unit);
    match unit {
        Some((unit, name)) => format!(
            "{}.{:02}\u{202f}{name}",
            grouped(cycles / unit),
            cycles % unit / (unit / 100)
        ),
        None => grouped(cycles),
    }
}

/// Bytes as a person says them.
fn bytes(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{}\u{202f}B", grouped(bytes)),
        10_240..10_485_760 => format!("{}\u{202f}KiB", grouped(bytes >> 10)),
        _ => format!("{}\u{202f}MiB", grouped(bytes >> 20)),
    }
}

/// The instances of a server.
pub(crate) fn of_server(server: &Server) -> Answer {
    let instances = server.instances.alive();
    let mut body = String::from("<section><h2>Instances</h2>");
    if instances.is_empty() {
        body += "<p class=none>There is no instance yet.</p>";
    } else {
        body += "<div class=scroll><table><tr><th>instance<th>state<th class=n>subnets<th class=n>canisters<th class=n>rounds<th>time";
    }
    for instance in &instances {
        let id = instance.id;
        let _ = write!(
            body,
            "<tr><td><a href=\"/instances/{id}/_/dashboard\">{id}</a>"
        );
        match instance.try_hold() {
            Some(Ok(net)) => {
                let canisters = net.living().map(|it| it.node.canisters().count());
                let _ = write!(
                    body,
                    "<td>{}<td class=n>{}<td class=n>{}<td class=n>{}<td>{}",
                    match instance.live.is_on() {
                        true => "<span class=good>live</span>",
                        false => "waits",
                    },
                    net.living().count(),
                    grouped(canisters.sum::<usize>()),
                    grouped(net.rounds()),
                    drun_ic::time::utc(net.time()),
                );
            }
            Some(Err(refusal)) => {
                let _ = write!(
                    body,
                    "<td class=bad colspan=5>{}",
                    escaped(&refusal.message)
                );
            }
            None => body += "<td colspan=5>at work",
        }
    }
    if !instances.is_empty() {
        body += "</table></div>";
    }
    body += "</section>";
    let facts = format!("drun {}", env!("CARGO_PKG_VERSION"));
    page("drun", "drun serve", &facts, "", &body)
}

/// One instance.
pub(crate) fn of_instance(instance: &Instance) -> Outcome {
    let net = instance.hold()?;
    let facts = format!(
        "instance {} · {} · round {} · {}",
        instance.id,
        match instance.live.is_on() {
            true => "live",
            false => "runs when it is asked to",
        },
        grouped(net.rounds()),
        drun_ic::time::utc(net.time())
    );
    let mut body = String::new();
    canisters(&mut body, &net);
    messages(&mut body, &net);
    logs(&mut body, &net);
    let title = format!("drun: instance {}", instance.id);
    let canisters = net
        .living()
        .any(|subnet| subnet.node.canisters().next().is_some());
    let filter = if canisters { FILTER } else { "" };
    Ok(page(&title, "PocketIC Dashboard", &facts, filter, &body))
}

fn canisters(body: &mut String, net: &Net) {
    for subnet in net.living() {
        let canisters = subnet.node.canisters().count();
        let class = if canisters == 0 { "empty" } else { "canisters" };
        let _ = write!(
            body,
            "<section class={class}><h2>{} subnet <code class=soft title=\"{}\">{}…</code> <span class=soft>{} canister{}</span></h2>",
            subnet.spec.kind.name(),
            subnet.id,
            subnet.id.to_text().split('-').next().unwrap_or(""),
            grouped(canisters),
            if canisters == 1 { "" } else { "s" },
        );
        if canisters == 0 {
            body.push_str("</section>");
            continue;
        }
        body.push_str("<div class=scroll><table><tr><th>canister<th>status<th class=n>cycles<th class=n>heap<th class=n>stable<th class=n>memory<th class=n>version<th>module");
        for canister in subnet.node.canisters() {
            let bookkeeping = subnet.node.settings().protocol.bookkeeping;
            let metrics = canister.memory_metrics(bookkeeping);
            let status = match canister.status.number() {
                1 => "<span class=good>running</span>",
                2 => "stopping",
                _ => "<span class=bad>stopped</span>",
            };
            let module = canister.code.as_ref().map_or_else(
                || "<span class=soft>empty</span>".to_owned(),
                |code| {
                    let hash = hex::encode(code.module.hash);
                    format!("<code title=\"{hash}\">{}</code>", &hash[..10])
                },
            );
            let _ = write!(
                body,
                "<tr><td class=id>{}<td>{status}<td class=n title=\"{}\">{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}<td>{module}",
                canister.id,
                canister.cycles,
                cycles(canister.cycles),
                bytes(metrics.wasm_memory),
                bytes(metrics.stable_memory),
                bytes(metrics.total()),
                grouped(canister.version),
            );
        }
        body.push_str("</table></div></section>");
    }
}

fn messages(body: &mut String, net: &Net) {
    let journals = net.subnets().iter();
    let journals = journals.filter_map(|subnet| subnet.node.observer::<Journal>());
    let mut last: Vec<_> = journals.flat_map(Journal::last).collect();
    last.sort_by_key(|executed| std::cmp::Reverse(executed.time));
    body.push_str("<section><h2>Last messages</h2>");
    if last.is_empty() {
        body.push_str("<p class=none>Nothing was executed yet.</p></section>");
        return;
    }
    body.push_str("<div class=scroll><table><tr><th>time<th>canister<th>function<th class=n>instructions<th>outcome");
    for executed in last {
        let function = match executed.function.as_str() {
            "" => "<span class=soft>callback</span>".to_owned(),
            name => {
                let name = name.strip_prefix("canister_").unwrap_or(name);
                format!("<code>{}</code>", escaped(name))
            }
        };
        let _ = write!(
            body,
            "<tr><td class=soft>{}<td class=id>{}<td>{function}<td class=n>{}",
            drun_ic::time::utc(executed.time),
            executed.canister,
            grouped(executed.instructions),
        );
        match &executed.error {
            None => body.push_str("<td class=good>done"),
            Some(error) => {
                let _ = write!(body, "<td class=\"bad why\">{}", escaped(error));
            }
        }
    }
    body.push_str("</table></div></section>");
}

fn logs(body: &mut String, net: &Net) {
    let mut lines: Vec<(u64, Principal, &[u8])> = Vec::new();
    for subnet in net.living() {
        for canister in subnet.node.canisters() {
            let records = canister.log.records();
            lines.extend(records.map(|record| (record.time, canister.id, &record.content[..])));
        }
    }
    lines.sort_by_key(|(time, ..)| *time);
    body.push_str("<section><h2>Logs</h2>");
    if lines.is_empty() {
        body.push_str("<p class=none>No canister has said anything.</p></section>");
        return;
    }
    body.push_str("<div class=scroll><pre>");
    for (time, canister, text) in lines.iter().rev().take(LINES) {
        let line = crate::report::debug_line(*time, *canister, &String::from_utf8_lossy(text));
        let _ = writeln!(body, "{}", escaped(&line));
    }
    body.push_str("</pre></div></section>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(grouped(12), "12");
        assert_eq!(cycles(2_345_000_000_000), "2.34\u{202f}T");
        assert_eq!(cycles(999), "999");
        assert_eq!(bytes(65_536), "64\u{202f}KiB");
        assert_eq!(bytes(3 << 30), "3\u{202f}072\u{202f}MiB");
    }

    #[test]
    fn what_canisters_say_is_no_markup() {
        assert_eq!(escaped("<b>&\""), "&lt;b&gt;&amp;&quot;");
    }
}
