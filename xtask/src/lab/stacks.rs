//! Stacks: an ending says which line of which function of the program called for it, and through
//! which functions of the kernel it went.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{Lab, Test, outcome::Skip, played, told::Ending, tracer::Tracer};

/// The tests of every kernel, by name.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("stack/kernel_functions", kernel_functions),
    ("stack/none_when_told_so", none),
    ("stack/resets_alone_without_a_word", resets_alone),
];

/// The tests that compile programs, by name.
pub(crate) const COMPILED: &[(&str, Test)] = &[
    ("stack/c_with_frame_pointers", with_frame_pointers),
    ("stack/c_without_frame_pointers", without_frame_pointers),
    ("stack/c_static", linked_statically),
    ("stack/stripped_with_debuglink", stripped),
    ("stack/stripped_of_everything", nameless),
    ("stack/python", python),
];

/// A program that resets a connection of its own.
const PROGRAM: &str = include_str!("stacks/reset.c");
/// The line of `close` in it.
const LINE: u64 = 9;
/// The line that calls the function around it.
const CALL: u64 = 13;

/// How long a first ending may take to be told.
const TOLD: Duration = Duration::from_secs(8);

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
        let (source, program) = (self.0.join("reset.c"), self.0.join("reset"));
        fs::write(&source, PROGRAM)?;
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
    match command.status() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Skip(format!("there is no {name}")).into())
        }
        status => {
            ensure!(status?.success(), "{name} failed");
            Ok(())
        }
    }
}

/// Traces a command and gives its own end of the connection it reset.
fn reset_by(lab: &Lab, arguments: &[&str], command: &[&str]) -> anyhow::Result<Ending> {
    let arguments = [arguments, &["--"], command].concat();
    let arguments: Vec<_> = arguments.into_iter().map(str::to_owned).collect();
    let tracer = Tracer::start(lab.trace(&arguments), lab.patience(TOLD))?;
    let ended = tracer.wait()?;
    let mut endings = ended.endings.into_iter();
    let ending = endings.find(|ending| ending.how == "rst_sent");
    ending.context("no reset was told")
}

/// The frames of one side.
fn frames<'a>(ending: &'a Ending, side: &str) -> anyhow::Result<&'a Vec<Value>> {
    let frames = ending.stack.get(side).and_then(Value::as_array);
    frames.with_context(|| format!("there is no {side} stack: {}", ending.stack))
}

/// A member of a frame; null where there is none.
fn field<'a>(frame: &'a Value, name: &str) -> &'a Value {
    frame.get(name).unwrap_or(&Value::Null)
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
    reset_by(lab, &[], &[&program.display().to_string()])
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
    let link = format!("--add-gnu-debuglink={}", lines.display());
    objcopy(&["--strip-all", &link], &[&program])?;
    let ending = reset_by(lab, &[], &[&program.display().to_string()])?;
    lines_are_told(&ending)
}

/// Without any names there is still the file, and where in it.
fn nameless(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new("nameless")?;
    let program = scratch.compile(&["-O1", "-s", "-fno-omit-frame-pointer"])?;
    let ending = reset_by(lab, &[], &[&program.display().to_string()])?;
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

/// A program nobody here wrote, compiled without frame pointers.
fn python(lab: &Lab) -> anyhow::Result<()> {
    const SCRIPT: &str = "import socket,struct,time\n\
        l=socket.create_server(('127.0.0.1',0))\n\
        c=socket.create_connection(l.getsockname())\n\
        time.sleep(1)\n\
        c.setsockopt(socket.SOL_SOCKET,socket.SO_LINGER,struct.pack('ii',1,0))\n\
        c.close()\n";
    run(Command::new("python3").arg("--version"))?;
    let ending = reset_by(lab, &[], &["python3", "-c", SCRIPT])?;
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

/// The kernel's functions from the close to the reset, whichever way the hook is attached.
fn kernel_functions(lab: &Lab) -> anyhow::Result<()> {
    let ending = reset_of_a_scene(lab, &["--stack", "kernel"])?;
    let kernel = frames(&ending, "kernel")?;
    for function in ["tcp_close", "inet_release"] {
        let found = kernel.iter().any(|frame| {
            let name = field(frame, "function").as_str().unwrap_or_default();
            name.contains(function)
        });
        ensure!(found, "no {function}: {kernel:#?}");
    }
    let ours = kernel.iter().any(|frame| {
        let name = field(frame, "function").as_str().unwrap_or_default();
        name.starts_with("bpf_") || name.starts_with("__bpf")
    });
    ensure!(!ours, "the hook is in its own stack: {kernel:#?}");
    let absent = ending.stack.get("user_absent").and_then(Value::as_str);
    ensure!(
        absent == Some("not_asked"),
        "a program's stack nobody asked for"
    );
    Ok(())
}

fn none(lab: &Lab) -> anyhow::Result<()> {
    let ending = reset_of_a_scene(lab, &["--stack", "none"])?;
    ensure!(ending.stack.is_null(), "a stack nobody asked for");
    Ok(())
}

/// The reset has its stacks; the connection that ended by FINs has none.
fn resets_alone(lab: &Lab) -> anyhow::Result<()> {
    let ending = reset_of_a_scene(lab, &[])?;
    ensure!(!frames(&ending, "kernel")?.is_empty(), "no kernel stack");
    ensure!(
        !frames(&ending, "user")?.is_empty(),
        "no stack of the program"
    );
    let fin = |endings: &[Ending]| endings.iter().any(|it| it.how == "fin_sent");
    let graceful = scene(lab, &[], "client_closes_first", fin)?;
    let taken = graceful.iter().find(|ending| !ending.stack.is_null());
    ensure!(taken.is_none(), "a stack nobody asked for: {taken:?}");
    Ok(())
}

fn reset_of_a_scene(lab: &Lab, arguments: &[&str]) -> anyhow::Result<Ending> {
    let sent = |endings: &[Ending]| endings.iter().any(|it| it.how == "rst_sent");
    let endings = scene(lab, arguments, "unread_data", sent)?;
    let mut endings = endings.into_iter();
    let reset = endings.find(|ending| ending.how == "rst_sent");
    reset.context("no reset was told")
}

fn scene(
    lab: &Lab,
    arguments: &[&str],
    name: &str,
    enough: impl Fn(&[Ending]) -> bool,
) -> anyhow::Result<Vec<Ending>> {
    let arguments: Vec<_> = arguments.iter().map(|&it| it.to_owned()).collect();
    let mut tracer = Tracer::start(lab.trace(&arguments), lab.patience(TOLD))?;
    let _told: Value = played::play(name, &[])?;
    tracer.watch(lab.patience(TOLD), enough)?;
    let ended = tracer.stop()?;
    super::scenes::accounted(ended.summary)?;
    Ok(ended.endings)
}
