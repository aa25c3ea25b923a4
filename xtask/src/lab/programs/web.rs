//! Servers and clients of the web: nginx, curl, Python's `http.server`.

use std::{
    fs,
    io::{Read as _, Write as _},
    process::Command,
    thread,
    time::Duration,
};

use super::{
    Played, Program, Wanted,
    stage::{Place, Running, SERVER, Stage, ask, await_true},
};

/// The programs.
pub(super) const PROGRAMS: &[Program] = &[
    Program {
        name: "nginx_reset_timedout",
        title: "nginx, `reset_timedout_connection on`: a client's header takes too long",
        needs: &["nginx"],
        arguments: &[],
        play: reset_timedout,
    },
    Program {
        name: "nginx_timedout",
        title: "nginx without it: the same client",
        needs: &["nginx"],
        arguments: &[],
        play: timedout,
    },
    Program {
        name: "nginx_lingering_off",
        title: "nginx, `lingering_close off`: a client says more than it is to",
        needs: &["nginx"],
        arguments: &[],
        play: lingering_off,
    },
    Program {
        name: "nginx_lingering_on",
        title: "nginx, `lingering_close on`: the same client",
        needs: &["nginx"],
        arguments: &[],
        play: lingering_on,
    },
    Program {
        name: "curl_max_time",
        title: "curl, `--max-time`: the server does not answer",
        needs: &["curl"],
        arguments: &[],
        play: max_time,
    },
    Program {
        name: "curl_max_time_unread",
        title: "curl, `--max-time`: the answer is larger than `--limit-rate` lets it read",
        needs: &["curl"],
        arguments: &[],
        play: max_time_unread,
    },
    Program {
        name: "python_client_aborts",
        title: "Python's `http.server`: a client goes in the middle of a download",
        needs: &["python3"],
        arguments: &[],
        play: client_aborts,
    },
];

/// A request without its end.
const UNFINISHED: &str = "GET / HTTP/1.1\r\nHost: here\r\n";

/// Starts nginx with one worker and this inside of its `server`; its worker's pid.
pub(in crate::lab) fn nginx(
    stage: &Stage,
    port: u16,
    server: &str,
) -> anyhow::Result<(Running, Vec<u32>)> {
    nginx_by(stage.command(Place::Server, "nginx"), stage, port, server)
}

/// The same by a command that runs nginx.
pub(super) fn nginx_by(
    mut command: Command,
    stage: &Stage,
    port: u16,
    server: &str,
) -> anyhow::Result<(Running, Vec<u32>)> {
    let here = stage.directory().display();
    let text = format!(
        "worker_processes 1; daemon off; pid {here}/pid; error_log {here}/error.log; user root;\n\
         events {{ worker_connections 64; }}\n\
         http {{ access_log off; client_body_temp_path {here}/body;\n\
         server {{ {server} }} }}\n"
    );
    let file = stage.file("nginx.conf", &text)?;
    let running = stage.serve(command.arg("-c").arg(file), port)?;
    let workers = running.children()?;
    Ok((running, workers))
}

/// Sends half a header to nginx and waits for the end.
fn half_a_header(stage: &Stage, server: &str, acts: [&'static str; 2]) -> anyhow::Result<Played> {
    let port = 8080;
    let server = format!("listen {port}; client_header_timeout 1s; {server}");
    let (nginx, workers) = nginx(stage, port, &server)?;
    let mut stream = stage.connect(port)?;
    stream.write_all(UNFINISHED.as_bytes())?;
    // A reset is an error, and an end as well.
    let _ended = stream.read(&mut [0]);
    drop(stream);
    let [here, there] = acts;
    Ok(Played {
        expected: vec![
            Wanted::server("nginx", port, &workers, here),
            Wanted::client("the client", port, &[std::process::id()], there),
        ],
        running: vec![nginx],
    })
}

fn reset_timedout(stage: &Stage) -> anyhow::Result<Played> {
    let acts = ["rst_sent/linger_zero", "rst_received/reset_while_idle"];
    half_a_header(stage, "reset_timedout_connection on;", acts)
}

fn timedout(stage: &Stage) -> anyhow::Result<Played> {
    let acts = ["fin_sent/app_close", "fin_received/peer_closed"];
    half_a_header(stage, "", acts)
}

/// Asks once, for the last time, and goes on talking: more than nginx reads with a request.
fn talk_on(stage: &Stage, server: &str, acts: [&'static str; 2]) -> anyhow::Result<Played> {
    let port = 8080;
    let server = format!("listen {port}; return 200 'ok'; {server}");
    let (nginx, workers) = nginx(stage, port, &server)?;
    let mut stream = stage.connect(port)?;
    let mut request = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".to_vec();
    request.resize(8 << 10, b'x');
    stream.write_all(&request)?;
    // A reset is an error, and an end as well.
    let _ended = stream.read_to_end(&mut Vec::new());
    drop(stream);
    let [here, there] = acts;
    Ok(Played {
        expected: vec![
            Wanted::server("nginx", port, &workers, here),
            Wanted::client("the client", port, &[std::process::id()], there),
        ],
        running: vec![nginx],
    })
}

fn lingering_off(stage: &Stage) -> anyhow::Result<Played> {
    let acts = [
        "rst_sent/closed_with_unread_data",
        "rst_received/peer_reset",
    ];
    talk_on(stage, "lingering_close off;", acts)
}

fn lingering_on(stage: &Stage) -> anyhow::Result<Played> {
    let acts = ["fin_sent/app_shutdown_write", "fin_received/peer_closed"];
    talk_on(stage, "lingering_close on;", acts)
}

/// A curl with a limit on its time asks a server that is this process.
fn limited(
    stage: &Stage,
    words: &[&str],
    answer: &[u8],
    acts: [&'static str; 2],
) -> anyhow::Result<Played> {
    let port = 8081;
    let listener = stage.listen(port)?;
    let mut curl = stage.command(Place::Client, "curl");
    curl.args(["-s", "-o", "/dev/null", "--max-time", "1"])
        .args(words);
    curl.arg(format!("http://{SERVER}:{port}/"));
    let mut running = stage.start(&mut curl)?;
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    ask(&stream, "")?;
    let mut request = [0; 4096];
    let _asked = stream.read(&mut request)?;
    stream.set_write_timeout(Some(Duration::from_millis(300)))?;
    // What does not fit stays unsent.
    let _sent = stream.write(answer);
    running.wait()?;
    let _ended = stream.read(&mut [0]);
    drop(stream);
    let [here, there] = acts;
    Ok(Played {
        expected: vec![
            Wanted::client("curl", port, &[running.pid()], there),
            Wanted::server("the server", port, &[std::process::id()], here),
        ],
        running: Vec::new(),
    })
}

fn max_time(stage: &Stage) -> anyhow::Result<Played> {
    let acts = ["fin_received/peer_closed", "fin_sent/app_close"];
    limited(stage, &[], b"", acts)
}

fn max_time_unread(stage: &Stage) -> anyhow::Result<Played> {
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n".to_vec();
    answer.resize(1 << 20, b'x');
    let acts = [
        "rst_received/peer_reset",
        "rst_sent/closed_with_unread_data",
    ];
    limited(stage, &["--limit-rate", "1k"], &answer, acts)
}

fn client_aborts(stage: &Stage) -> anyhow::Result<Played> {
    let port = 8082;
    fs::write(stage.directory().join("file"), vec![b'x'; 16 << 20])?;
    let mut python = stage.command(Place::Server, "python3");
    python.args(["-m", "http.server", "8082", "--bind", "0.0.0.0"]);
    let python = stage.serve(&mut python, port)?;
    let stream = stage.connect(port)?;
    ask(&stream, "GET /file HTTP/1.0\r\n\r\n")?;
    // The window fills, and Python waits for room.
    thread::sleep(Duration::from_millis(200));
    drop(stream);
    await_true("an end", || {
        Ok(!stage.table(Place::Server)?.contains(":1F92 0208D50A"))
    })?;
    Ok(Played {
        expected: vec![
            Wanted::server("python3", port, &[python.pid()], "rst_received/peer_reset"),
            Wanted::client(
                "the client",
                port,
                &[std::process::id()],
                "rst_sent/closed_with_unread_data",
            ),
        ],
        running: vec![python],
    })
}
