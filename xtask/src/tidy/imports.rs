//! Which room of `tracer` may use which: the road has one direction.

use std::{collections::BTreeSet, path::Path};

/// The rooms another may use.
enum Uses {
    /// These.
    Only(&'static [&'static str]),
    /// Every room but these.
    AllBut(&'static [&'static str]),
}

use Uses::{AllBut, Only};

/// What each room may use of the others, and what of the world outside it may not name.
///
/// `lib` and `main` are the house itself and stand outside the table.
const ROOMS: &[(&str, Uses, &[&str])] = &[
    (
        "model",
        Only(&[]),
        &["aya", "aya_obj", "clap", "serde", "tokio", "tracer_common"],
    ),
    (
        "tally",
        Only(&["model"]),
        &["aya", "clap", "serde", "tokio"],
    ),
    ("probe", Only(&["tally"]), &["clap"]),
    ("confine", Only(&[]), &["aya", "clap", "tokio"]),
    (
        "go",
        Only(&[]),
        &["aya", "clap", "tokio", "tracer_common", "std::fs", "now()"],
    ),
    (
        "packet",
        Only(&["model"]),
        &["aya", "clap", "tracer_common"],
    ),
    (
        "record",
        Only(&["model", "tally"]),
        &["aya", "clap", "tokio", "std::fs", "now()"],
    ),
    (
        "flight",
        Only(&["decode", "model", "record", "tally"]),
        &["aya", "clap", "tokio", "std::fs", "now()"],
    ),
    (
        "replay",
        // Of `enrich` the questions alone, to answer them.
        Only(&["enrich", "model", "pipeline", "record", "render", "tally"]),
        &["aya", "clap", "tokio", "std::fs", "now()"],
    ),
    (
        "align",
        Only(&["model"]),
        &[
            "aya",
            "clap",
            "serde",
            "tokio",
            "tracer_common",
            "std::fs",
            "now()",
        ],
    ),
    (
        "decode",
        Only(&["model", "tally"]),
        &["aya", "clap", "tokio", "std::fs", "now()"],
    ),
    (
        "order",
        Only(&["model", "tally"]),
        &["aya", "clap", "tokio", "std::fs", "now()"],
    ),
    (
        "enrich",
        Only(&["go", "model", "tally"]),
        &["aya", "clap", "tracer_common"],
    ),
    (
        "correlate",
        Only(&["model", "tally"]),
        &["aya", "clap", "tokio", "tracer_common", "std::fs", "now()"],
    ),
    (
        "diagnose",
        Only(&["model"]),
        &["aya", "clap", "tokio", "tracer_common", "std::fs", "now()"],
    ),
    (
        "leaks",
        Only(&["model"]),
        &[
            "aya",
            "clap",
            "serde",
            "tokio",
            "tracer_common",
            "std::fs",
            "now()",
        ],
    ),
    (
        "latency",
        Only(&["model"]),
        &[
            "aya",
            "clap",
            "serde",
            "tokio",
            "tracer_common",
            "std::fs",
            "now()",
        ],
    ),
    (
        "report",
        Only(&["latency", "model"]),
        &[
            "aya",
            "clap",
            "serde",
            "tokio",
            "tracer_common",
            "std::fs",
            "now()",
        ],
    ),
    (
        "render",
        // Of `packet` the files, to write one.
        Only(&["latency", "leaks", "model", "packet", "report", "tally"]),
        &[
            "aya",
            "clap",
            "tokio",
            "tracer_common",
            "std::fs",
            "println!",
            "now()",
        ],
    ),
    (
        "pipeline",
        AllBut(&["app", "cli", "config"]),
        &["aya", "clap"],
    ),
    (
        "cli",
        AllBut(&["app", "pipeline", "probe"]),
        &["aya", "std::fs"],
    ),
    ("config", AllBut(&["app", "pipeline"]), &["aya", "clap"]),
    ("exit", Only(&["model"]), &["aya", "clap", "tokio"]),
    ("app", AllBut(&[]), &[]),
];

/// Says which uses in a file the table does not allow.
pub(super) fn judge(file: &Path, text: &str) -> Vec<String> {
    let Some(name) = room_of(file) else {
        return Vec::new();
    };
    let Some((_, uses, refuses)) = ROOMS.iter().find(|(room, ..)| *room == name) else {
        return vec![format!(
            "{}: the table of rooms in xtask has no `{name}`",
            file.display()
        )];
    };
    let code = without_tests_and_comments(text);
    let allowed = |room: &str| match uses {
        Only(rooms) => rooms.contains(&room),
        AllBut(rooms) => !rooms.contains(&room),
    };
    let mut findings = Vec::new();
    for used in rooms_used(&code) {
        let is_room = ROOMS.iter().any(|(room, ..)| *room == used);
        if is_room && used != name && !allowed(&used) {
            findings.push(format!("{}: `{name}` may not use `{used}`", file.display()));
        }
    }
    for refused in refuses.iter().filter(|refused| names(&code, refused)) {
        findings.push(format!(
            "{}: `{name}` may not name `{refused}`",
            file.display()
        ));
    }
    findings
}

/// The room a file of `tracer/src` belongs to: the first part of its path.
fn room_of(file: &Path) -> Option<String> {
    let first = file.strip_prefix("tracer/src").ok()?.components().next()?;
    let name = first.as_os_str().to_str()?;
    let name = name.strip_suffix(".rs").unwrap_or(name);
    (!["bin", "lib", "main"].contains(&name)).then(|| name.to_owned())
}

/// The code alone: no line comments, nothing from the trailing test module on.
fn without_tests_and_comments(text: &str) -> String {
    let code = text
        .split("\n#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    code.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .fold(String::new(), |mut code, line| {
            code.push_str(line);
            code.push('\n');
            code
        })
}

/// Every `room` in `crate::room` and `crate::{room, room::{…}}`.
fn rooms_used(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            used.insert(identifier(rest));
            continue;
        };
        let (mut depth, mut fresh) = (0_i32, true);
        for (at, letter) in group.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => fresh = true,
                _ if fresh && !letter.is_whitespace() => {
                    used.insert(identifier(group.get(at..).unwrap_or_default()));
                    fresh = false;
                }
                _ => {}
            }
        }
    }
    used
}

fn identifier(text: &str) -> String {
    text.chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect()
}

/// True where `code` names a crate (`aya::…`), or contains a longer spelling (`std::fs`).
fn names(code: &str, refused: &str) -> bool {
    if refused.contains(|letter: char| !letter.is_alphanumeric() && letter != '_') {
        return code.contains(refused);
    }
    let whole = |at: usize| {
        code.get(..at)
            .and_then(|before| before.chars().next_back())
            .is_none_or(|letter| !letter.is_alphanumeric() && letter != '_' && letter != ':')
    };
    code.match_indices(&format!("{refused}::"))
        .any(|(at, _)| whole(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(file: &str, code: &str) -> Vec<String> {
        judge(Path::new(file), code)
    }

    #[test]
    fn a_room_may_use_what_the_table_grants_and_itself() {
        let code = "use crate::{\n    model::{time::MonoNs, flow},\n    order::Heap,\n};";
        assert_eq!(findings("tracer/src/order.rs", code), Vec::<String>::new());
    }

    #[test]
    fn a_use_against_the_road_is_found_however_it_is_spelled() {
        for code in [
            "use crate::probe::Source;",
            "use crate::{model::time, probe::Source};",
            "use crate::{model::{time, flow},\n    probe};",
            "fn late(source: &crate::probe::Source) {}",
        ] {
            let found = findings("tracer/src/correlate/join.rs", code);
            assert_eq!(found.len(), 1, "{code}: {found:?}");
        }
    }

    #[test]
    fn the_model_knows_no_wire_format_and_no_serde() {
        assert_eq!(
            findings("tracer/src/model/flow.rs", "use tracer_common::flow::Flow;").len(),
            1
        );
        assert_eq!(
            findings("tracer/src/model/flow.rs", "use serde::Serialize;").len(),
            1
        );
        assert_eq!(
            findings("tracer/src/model/flow.rs", "use std::fmt;").len(),
            0
        );
    }

    #[test]
    fn no_stage_reads_a_clock() {
        let code = "let now = std::time::Instant::now();";
        assert_eq!(findings("tracer/src/order.rs", code).len(), 1);
        assert_eq!(findings("tracer/src/app.rs", code).len(), 0);
    }

    #[test]
    fn comments_and_tests_may_name_anything() {
        let code = "// see crate::probe\n\n#[cfg(test)]\nmod tests {\n use crate::probe; }";
        assert_eq!(findings("tracer/src/order.rs", code).len(), 0);
    }

    #[test]
    fn a_name_that_merely_ends_like_a_crate_is_another_name() {
        assert_eq!(
            findings("tracer/src/order.rs", "use crate::model::maya::Mayan;").len(),
            0
        );
    }

    #[test]
    fn a_new_room_needs_a_line_in_the_table() {
        assert_eq!(findings("tracer/src/helpers/strings.rs", "").len(), 1);
    }
}
