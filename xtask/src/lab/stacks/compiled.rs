//! Stacks of programs compiled here, each in another way, and of a script.

mod further;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use nix::unistd::Pid;
use serde_json::Value;

use super::{
    super::{Lab, Test, clock::Deadline, outcome::Skip, told::Ending, tracer::Tracer},
    TOLD, field, frames,
};

/// The tests that compile programs, by name.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("stack/c_with_frame_pointers", with_frame_pointers),
    ("stack/c_without_frame_pointers", without_frame_pointers),
    ("stack/c_static", linked_statically),
    ("stack/stripped_with_debuglink", stripped),
    ("stack/stripped_of_everything", nameless),
    ("stack/named_elsewhere_later", further::named_elsewhere),
    ("stack/deeper_than_is_taken", further::too_deep),
    ("stack/gathered_by_function", further::gathered),
    ("stack/compiled_just_in_time", just_in_time),
    ("stack/python", python),
];

/// A program that resets a connection of its own.
const PROGRAM: &str = include_str!("reset.c");
/// The line of `close` in it.
const LINE: u64 = 10;
/// The line that calls the function around it.
const CALL: u64 = 14;
/// Another one, which does it by code it makes while it runs.
const JIT: &str = include_str!("jit.c");

/// A directory of a test's own.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("finrst-stack-{name}-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Compiles the program.
    fn compile(&self, arguments: &[&str]) -> anyhow::Result<std::path::PathBuf> {
        self.compile_that(PROGRAM, arguments)
    }

    fn compile_that(&self, text: &str, arguments: &[&str]) -> anyhow::Result<std::path::PathBuf> {
        let (source, program) = (self.0.join("reset.c"), self.0.join("reset"));
        fs::write(&source, text)?;
        let mut compiler = Command::new("gcc");
        compiler.args(["-g", "-o"]).arg(&program).arg(&source);
        run(compiler.args(arguments))?;
        Ok(program)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _gone_already = fs::remove_dir_all(&self.0);
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().display().to_string();
    match command.stdout(Stdio::null()).status() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Skip(format!("there is no {name}")).into())
        }
        status => {
            ensure!(status?.success(), "{name} failed");
            Ok(())
        }
    }
}

/// So many looks in a row find a file open that is kept for its names.
const HELD: u32 = 20;

/// Traces a program, and gives its own end of the connection it resets once it is told to.
///
/// With `gone`, it ends right after: all there is then of its files is what finrst has open.
fn reset_by(lab: &Lab, program: &mut Command, gone: bool) -> anyhow::Result<Ending> {
    reset_under(lab, &[], program, gone)
}

/// The same, with further arguments for finrst.
fn reset_under(
    lab: &Lab,
    further: &[&str],
    program: &mut Command,
    gone: bool,
) -> anyhow::Result<Ending> {
    let arguments = [&["--stack", "user"], further].concat();
    let arguments: Vec<_> = arguments.into_iter().map(str::to_owned).collect();
    let mut tracer = Tracer::start(lab.trace(&arguments), lab.patience(TOLD))?;
    let piped = program.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = piped.spawn()?;
    let pid = running.id();
    let out = running.stdout.take().context("stdout is piped")?;
    BufReader::new(out).read_line(&mut String::new())?;
    let file = fs::read_link(format!("/proc/{pid}/exe"))?;
    let deadline = Deadline::after(lab.patience(TOLD));
    // Whether a program is of Go is looked up in its file too, and takes a moment alone.
    let mut held = 0;
    while gone && held < HELD && !deadline.left().is_zero() {
        held = if holds(tracer.pid(), &file)? {
            held + 1
        } else {
            0
        };
        thread::sleep(Duration::from_millis(5));
    }
    let mut cue = running.stdin.take().context("stdin is piped")?;
    cue.write_all(b"\n")?;
    if gone {
        running.wait()?;
    }
    let own = |ending: &Ending| {
        let owner = ending.owner.as_ref();
        ending.how == "rst_sent" && owner.is_some_and(|owner| owner.pid == Some(pid))
    };
    let told = tracer.watch(lab.patience(TOLD), |endings| endings.iter().any(own));
    drop(cue);
    running.wait()?;
    told?;
    let mut endings = tracer.stop()?.endings.into_iter();
    endings.find(own).context("no reset was told")
}

/// Whether a process has a file open.
fn holds(process: Pid, file: &Path) -> anyhow::Result<bool> {
    let mut descriptors = fs::read_dir(format!("/proc/{process}/fd"))?.flatten();
    Ok(descriptors.any(|it| fs::read_link(it.path()).is_ok_and(|link| link == file)))
}

fn is(frame: &Value, function: &str) -> bool {
    field(frame, "function").as_str() == Some(function)
}

/// The functions a program's stack must have, each with its line.
fn lines_are_told(ending: &Ending) -> anyhow::Result<()> {
    let user = frames(ending, "user")?;
    let at = |function, line: u64, inlined: bool| {
        let found = user.iter().any(|frame| {
            let file = field(frame, "file").as_str().unwrap_or_default();
            is(frame, function)
                && *field(frame, "line") == line
                && *field(frame, "inlined") == inlined
                && file.ends_with("reset.c")
        });
        ensure!(found, "no {function} of line {line}: {user:#?}");
        Ok(())
    };
    at("hang_up", LINE, true)?;
    at("end_it", CALL, false)?;
    let main = user.iter().position(|frame| is(frame, "main"));
    let inner = user.iter().position(|frame| is(frame, "end_it"));
    ensure!(main > inner, "main called end_it: {user:#?}");
    Ok(())
}

fn compiled(lab: &Lab, name: &str, arguments: &[&str]) -> anyhow::Result<Ending> {
    let scratch = Scratch::new(name)?;
    let program = scratch.compile(arguments)?;
    reset_by(lab, &mut Command::new(program), true)
}

fn with_frame_pointers(lab: &Lab) -> anyhow::Result<()> {
    let ending = compiled(lab, "fp", &["-O1", "-fno-omit-frame-pointer"])?;
    lines_are_told(&ending)?;
    whole(&ending)
}

/// It is gone when its end is told, and nothing but tables says who called whom.
fn without_frame_pointers(lab: &Lab) -> anyhow::Result<()> {
    let ending = compiled(lab, "nofp", &["-O2", "-fomit-frame-pointer"])?;
    lines_are_told(&ending)
}

fn linked_statically(lab: &Lab) -> anyhow::Result<()> {
    let ending = compiled(lab, "static", &["-O2", "-static"])?;
    lines_are_told(&ending)
}

/// A stack that reaches the program's begin is whole.
fn whole(ending: &Ending) -> anyhow::Result<()> {
    let truncated = ending.stack.get("truncated");
    ensure!(
        truncated == Some(&Value::Bool(false)),
        "frames are missing: {}",
        ending.stack
    );
    Ok(())
}

/// The lines are in a file of their own, which the program names.
fn stripped(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new("link")?;
    let program = scratch.compile(&["-O1", "-fno-omit-frame-pointer"])?;
    let lines = scratch.0.join("reset.debug");
    let objcopy = |arguments: &[&str], files: &[&Path]| {
        run(Command::new("objcopy").args(arguments).args(files))
    };
    objcopy(&["--only-keep-debug"], &[&program, &lines])?;
    // The link has the name alone: the file is looked for beside the program.
    let link = format!("--add-gnu-debuglink={}", lines.display());
    objcopy(
        &["--strip-all", "--remove-section=.note.gnu.build-id", &link],
        &[&program],
    )?;
    let ending = reset_by(lab, &mut Command::new(program), true)?;
    lines_are_told(&ending)
}

/// Without any names there is still the file, and where in it.
fn nameless(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new("nameless")?;
    let program = scratch.compile(&["-O1", "-s", "-fno-omit-frame-pointer"])?;
    let ending = reset_by(lab, &mut Command::new(program), true)?;
    let user = frames(&ending, "user")?;
    let own = user.iter().find(|frame| {
        let module = field(frame, "module").as_str().unwrap_or_default();
        module.ends_with("/reset")
    });
    let own = own.with_context(|| format!("no frame of the program: {user:#?}"))?;
    ensure!(
        field(own, "function").is_null(),
        "a name out of nowhere: {own}"
    );
    ensure!(
        field(own, "offset").is_u64() && field(own, "build_id").is_string(),
        "{own}"
    );
    Ok(())
}

/// Code of no file, named by the map its compiler keeps.
fn just_in_time(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new("jit")?;
    let program = scratch.compile_that(JIT, &["-O1", "-fno-omit-frame-pointer"])?;
    let ending = reset_by(lab, &mut Command::new(program), false)?;
    let user = frames(&ending, "user")?;
    let named: Vec<_> = user.iter().map(|it| field(it, "function")).collect();
    ensure!(
        named.starts_with(&[&"compiled_while_it_runs".into(), &"interpret".into()]),
        "{user:#?}"
    );
    Ok(())
}

/// A program nobody here wrote, compiled without frame pointers.
fn python(lab: &Lab) -> anyhow::Result<()> {
    const SCRIPT: &str = "import socket,struct,sys\n\
        l=socket.create_server(('127.0.0.1',0))\n\
        c=socket.create_connection(l.getsockname())\n\
        print('connected',flush=True)\n\
        sys.stdin.readline()\n\
        c.setsockopt(socket.SOL_SOCKET,socket.SO_LINGER,struct.pack('ii',1,0))\n\
        c.close()\n\
        sys.stdin.read()\n";
    run(Command::new("python3").arg("--version"))?;
    let mut script = Command::new("python3");
    let ending = reset_by(lab, script.args(["-c", SCRIPT]), false)?;
    let user = frames(&ending, "user")?;
    let named = user
        .iter()
        .filter(|frame| field(frame, "module").is_string());
    let in_python = named.clone().any(|frame| {
        let module = field(frame, "module").as_str().unwrap_or_default();
        module.contains("python")
    });
    ensure!(in_python, "only the C library is told: {user:#?}");
    Ok(())
}
