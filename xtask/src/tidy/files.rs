//! Rules of single files: a header, and a size one can hold in one's head.

use std::path::Path;

/// Lines a file may have, its tests aside.
const LONGEST: usize = 300;

/// Lines a hook may have.
const LONGEST_HOOK: usize = 80;

/// Says what is wrong with a file.
pub(super) fn judge(file: &Path, text: &str, is_test: bool) -> Vec<String> {
    let mut findings = Vec::new();
    if !text.starts_with("//! ") {
        findings.push(format!(
            "{}:1: does not open with `//! ` and what it is",
            file.display()
        ));
    }
    let hook = file.starts_with("tracer-ebpf/src/hooks");
    let longest = if hook { LONGEST_HOOK } else { LONGEST };
    let lines = lines_before_tests(text);
    if !is_test && lines > longest {
        findings.push(format!(
            "{}: {lines} lines, {longest} are allowed",
            file.display()
        ));
    }
    findings
}

/// Lines of a file up to its trailing test module.
fn lines_before_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .windows(2)
        .position(|pair| matches!(pair, ["#[cfg(test)]", next] if next.starts_with("mod tests")))
        .unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(file: &Path, text: &str) -> Vec<String> {
        super::judge(file, text, false)
    }

    fn long(lines: usize, rest: &str) -> String {
        format!("//! A room.\n{}{rest}", "\n".repeat(lines - 1))
    }

    #[test]
    fn a_file_without_a_header_is_found() {
        let findings = judge(Path::new("tracer/src/order.rs"), "use std::fmt;\n");
        assert_eq!(findings.len(), 1, "{findings:?}");
    }

    #[test]
    fn the_last_allowed_line_is_allowed_and_the_next_is_not() {
        let file = Path::new("tracer/src/order.rs");
        assert!(judge(file, &long(300, "")).is_empty());
        assert_eq!(judge(file, &long(301, "")).len(), 1);
    }

    #[test]
    fn a_hook_may_have_fewer_lines_than_other_files() {
        let file = Path::new("tracer-ebpf/src/hooks/tcp_close.rs");
        assert!(judge(file, &long(80, "")).is_empty());
        assert_eq!(judge(file, &long(81, "")).len(), 1);
    }

    #[test]
    fn a_trailing_test_module_does_not_count() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(500));
        assert!(judge(Path::new("tracer/src/order.rs"), &long(300, &tests)).is_empty());
    }

    #[test]
    fn a_file_of_tests_may_be_long_but_needs_its_header() {
        let file = Path::new("tracer/src/order/tests.rs");
        assert!(super::judge(file, &long(900, ""), true).is_empty());
        assert_eq!(super::judge(file, "\n", true).len(), 1);
    }
}
