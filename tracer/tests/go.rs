//! The parser of Go executables against Go's own tools, for every Go that is installed.
//!
//! `cargo xtask setup` puts several into `target/go`. With `FINRST_NO_SKIP=1` a comparison that
//! cannot be made fails.

#[cfg(test)]
mod tests {
    use std::{
        env, fs,
        io::Write as _,
        path::{Path, PathBuf},
        process::{Command, Stdio},
        sync::Arc,
    };

    use tracer::go::{self, Frame, GoBinary, GoError, Layout};

    const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/go/program.go");

    fn skip(reason: &str) {
        eprintln!("SKIP {reason}");
        let strict = env::var_os("FINRST_NO_SKIP").is_some_and(|value| value == "1");
        assert!(!strict, "skipped: {reason}");
    }

    /// Every `go` command there is.
    fn commands() -> Vec<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/go");
        let versions = fs::read_dir(root).into_iter().flatten().flatten();
        let mut commands: Vec<_> = versions
            .flat_map(|version| {
                ["go/bin/go", "usr/lib/go-1.19/bin/go"].map(|go| version.path().join(go))
            })
            .filter(|go| go.exists())
            .map(|go| fs::canonicalize(go).unwrap())
            .collect();
        commands.sort();
        if commands.is_empty() {
            skip("no Go: `cargo xtask setup` installs some");
        }
        commands
    }

    /// `go` with nothing of its surroundings.
    fn go(command: &Path) -> Command {
        let mut go = Command::new(command);
        let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/go/cache");
        go.env("GOTOOLCHAIN", "local")
            .env("GOFLAGS", "")
            .env("GO111MODULE", "off")
            .env("GOCACHE", cache)
            .env("CGO_ENABLED", "0")
            .env_remove("GOROOT");
        go
    }

    /// Builds the program with these options and returns its bytes.
    fn build(command: &Path, options: &[&str], into: &Path) -> Arc<Vec<u8>> {
        let built = go(command)
            .arg("build")
            .args(options)
            .arg("-o")
            .arg(into)
            .arg(PROGRAM)
            .output()
            .unwrap();
        assert!(built.status.success(), "{command:?}: {built:?}");
        Arc::new(fs::read(into).unwrap())
    }

    fn open(bytes: &Arc<Vec<u8>>) -> Result<GoBinary, GoError> {
        GoBinary::open(Box::new(Arc::clone(bytes)))
    }

    fn layout(bytes: &Arc<Vec<u8>>) -> Result<Layout, GoError> {
        go::layout(Box::new(Arc::clone(bytes)))
    }

    fn functions(binary: &GoBinary) -> Vec<(u64, String)> {
        let mut functions = Vec::new();
        let each = |pc, name: &str| functions.push((pc, name.to_owned()));
        binary.functions(each).unwrap();
        functions
    }

    /// Function and place of each address, by `go tool addr2line`: it knows no inlining, so the
    /// function is the outermost and the place is the innermost.
    fn by_go(command: &Path, executable: &Path, addresses: &[u64]) -> Vec<(String, String)> {
        let mut tool = go(command)
            .args(["tool", "addr2line"])
            .arg(executable)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = tool.stdin.take().unwrap();
        let lines: Vec<_> = addresses.iter().map(|pc| format!("{pc:#x}\n")).collect();
        let lines = lines.concat();
        let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
        let output = tool.wait_with_output().unwrap();
        writer.join().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines = text.lines().map(str::to_owned);
        let mut answers = Vec::new();
        while let (Some(function), Some(place)) = (lines.next(), lines.next()) {
            // It says -1 where there is no line.
            let lineless = place.starts_with(":-");
            let place = if lineless { ":0".to_owned() } else { place };
            answers.push((function, place));
        }
        answers
    }

    fn outermost_and_place(frames: &[Frame]) -> (String, String) {
        let (first, last) = (&frames[0], &frames[frames.len() - 1]);
        let place = format!("{}:{}", first.file, first.line);
        (last.function.clone(), place)
    }

    #[test]
    fn every_function_and_line_is_what_gos_own_tools_say_and_survives_stripping() {
        let dir = tempfile::tempdir().unwrap();
        for command in commands() {
            let path = dir.path().join("whole");
            let whole = build(&command, &[], &path);
            let stripped = build(&command, &["-ldflags=-s -w"], &dir.path().join("stripped"));
            assert_eq!(layout(&whole).unwrap(), layout(&stripped).unwrap());
            let (whole, stripped) = (open(&whole).unwrap(), open(&stripped).unwrap());
            let functions_of_whole = functions(&whole);
            assert!(functions_of_whole.len() > 1_000, "{command:?}");
            // The start of every function, and a place inside every fifth.
            let mut addresses: Vec<_> = functions_of_whole.iter().map(|(pc, _)| *pc).collect();
            let inside = functions_of_whole.windows(2).step_by(5);
            addresses.extend(inside.map(|two| u64::midpoint(two[0].0, two[1].0 - 1)));
            let expected = by_go(&command, &path, &addresses);
            assert_eq!(expected.len(), addresses.len(), "{command:?}");
            for (pc, expected) in addresses.into_iter().zip(expected) {
                let frames = whole.symbolize(pc).unwrap();
                assert_eq!(
                    outermost_and_place(&frames),
                    expected,
                    "{command:?} {pc:#x}"
                );
                assert_eq!(
                    stripped.symbolize(pc).unwrap(),
                    frames,
                    "{command:?} {pc:#x}"
                );
            }
            assert_eq!(functions(&stripped), functions_of_whole, "{command:?}");
        }
    }

    #[test]
    fn an_executable_that_moves_has_the_same_functions_lines_and_inlining() {
        let dir = tempfile::tempdir().unwrap();
        for command in commands() {
            let options = ["-buildmode=pie", "-ldflags=-s -w"];
            let moved = build(&command, &options, &dir.path().join("moved"));
            assert_eq!(layout(&moved).unwrap().tls, -8, "{command:?}");
            let moved = open(&moved).unwrap();
            let chain = |binary: &GoBinary| {
                let main = binary.function("main.main").unwrap().unwrap();
                let mut seen = Vec::new();
                for pc in main..main + 200 {
                    let frames = binary.symbolize(pc).unwrap();
                    let frames = frames.iter().map(|it| (it.function.clone(), it.line));
                    let frames: Vec<_> = frames.collect();
                    if !seen.contains(&frames) {
                        seen.push(frames);
                    }
                }
                seen
            };
            let name = |name: &str, line| (name.to_owned(), line);
            let expected = [name("main.small", 16), name("main.main", 20)];
            assert!(
                chain(&moved).iter().any(|it| *it == expected),
                "{command:?}"
            );
        }
    }

    #[test]
    fn sections_without_names_are_no_hindrance() {
        let dir = tempfile::tempdir().unwrap();
        for command in commands() {
            let whole = build(&command, &["-ldflags=-s -w"], &dir.path().join("whole"));
            let mut bare = Vec::clone(&whole);
            // e_shoff, e_shnum and e_shstrndx of an Elf64_Ehdr.
            bare[40..48].fill(0);
            bare[60..64].fill(0);
            let (whole, bare) = (open(&whole).unwrap(), open(&Arc::new(bare)).unwrap());
            assert_eq!(functions(&bare), functions(&whole), "{command:?}");
            let main = whole.function("main.main").unwrap().unwrap();
            for pc in main..main + 200 {
                let frames = whole.symbolize(pc).unwrap();
                assert_eq!(bare.symbolize(pc).unwrap(), frames, "{command:?} {pc:#x}");
            }
        }
    }

    #[test]
    fn damage_is_an_error_or_another_name_and_never_a_panic() {
        let dir = tempfile::tempdir().unwrap();
        let commands = commands();
        let Some(command) = commands.last() else {
            return;
        };
        let whole = build(command, &["-ldflags=-s -w"], &dir.path().join("whole"));
        let binary = open(&whole).unwrap();
        let main = binary.function("main.main").unwrap().unwrap();
        let table = whole
            .windows(8)
            .position(|it| it == [0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8]);
        let table = table.unwrap();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
        };
        let (mut refused, mut read) = (0, 0);
        for round in 0..300 {
            let mut bytes = Vec::clone(&whole);
            // The headers, the table's header, or anywhere in the table.
            let (from, len, times) = match round % 3 {
                0 => (0, 4096, 8),
                1 => (table, 72, 2),
                _ => (table, bytes.len() - table, 20_000),
            };
            for _ in 0..times {
                let at = from + random(len);
                bytes[at] = u8::try_from(random(256)).unwrap();
            }
            if round % 7 == 0 {
                bytes.truncate(random(whole.len()));
            }
            let bytes = Arc::new(bytes);
            let _ = layout(&bytes);
            match open(&bytes) {
                Err(_) => refused += 1,
                Ok(binary) => {
                    for pc in (main..main + 200).step_by(7) {
                        match binary.symbolize(pc) {
                            Ok(_) => read += 1,
                            Err(_) => refused += 1,
                        }
                    }
                }
            }
        }
        assert!(refused > 50 && read > 50, "{refused} refused, {read} read");
    }

    #[test]
    fn other_files_are_not_of_go() {
        let ours = Arc::new(fs::read(env::current_exe().unwrap()).unwrap());
        assert!(matches!(open(&ours), Err(GoError::NotGo)));
        assert!(matches!(layout(&ours), Err(GoError::NotGo)));
        for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF", &[0; 64]] {
            let opened = open(&Arc::new(bytes.to_vec()));
            assert!(matches!(opened, Err(GoError::NotGo)), "{bytes:?}");
        }
    }
}
