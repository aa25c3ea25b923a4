//! Servers in languages that bring a runtime: Node and Java.

use std::{
    io::{Read as _, Write as _},
    thread,
    time::Duration,
};

use super::{
    Played, Program, Wanted,
    stage::{Place, Stage, ask},
};

/// The programs.
pub(super) const PROGRAMS: &[Program] = &[
    Program {
        name: "node_keep_alive_timeout",
        title: "Node, `keepAliveTimeout`: a client uses its connection again too late",
        needs: &["node"],
        arguments: &[],
        play: keep_alive_timeout,
    },
    Program {
        name: "node_reset_and_destroy",
        title: "Node, `socket.resetAndDestroy()`",
        needs: &["node"],
        arguments: &[],
        play: reset_and_destroy,
    },
    Program {
        name: "java_close",
        title: "Java, `Socket.close()` in one thread while another reads",
        needs: &["java"],
        arguments: &[],
        play: java_close,
    },
    Program {
        name: "java_linger",
        title: "Java, `setSoLinger(true, 0)` and `close()`",
        needs: &["java"],
        arguments: &[],
        play: java_linger,
    },
];

const PORT: u16 = 8100;

/// A request that lets the connection live on.
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";

/// Node closes what is idle for a moment; the client has not looked and asks again.
fn keep_alive_timeout(stage: &Stage) -> anyhow::Result<Played> {
    let program = "const server = require('http').createServer((_, answer) => answer.end('ok'));\n\
                   server.keepAliveTimeout = 200; server.listen(8100, '0.0.0.0');\n";
    let file = stage.file("server.js", program)?;
    let node = stage.serve(stage.command(Place::Server, "node").arg(file), PORT)?;
    let mut stream = stage.connect(PORT)?;
    ask(&stream, REQUEST)?;
    let _answer = stream.read(&mut [0; 4096])?;
    thread::sleep(Duration::from_millis(1_500));
    stream.write_all(REQUEST.as_bytes())?;
    thread::sleep(Duration::from_millis(100));
    drop(stream);
    let own = [std::process::id()];
    Ok(Played {
        expected: vec![
            Wanted::server("node", PORT, &[node.pid()], "fin_sent/app_close"),
            Wanted::server(
                "node, afterwards",
                PORT,
                &[node.pid()],
                "rst_sent/data_after_close",
            ),
            Wanted::client(
                "the client",
                PORT,
                &own,
                "rst_received/wrote_after_peer_close",
            ),
        ],
        running: vec![node],
    })
}

fn reset_and_destroy(stage: &Stage) -> anyhow::Result<Played> {
    let program = "require('net').createServer(socket => {\n\
                   socket.on('error', () => {}); socket.once('data', () => socket.resetAndDestroy());\n\
                   }).listen(8100, '0.0.0.0');\n";
    let file = stage.file("server.js", program)?;
    let node = stage.serve(stage.command(Place::Server, "node").arg(file), PORT)?;
    let mut stream = stage.connect(PORT)?;
    stream.write_all(b"hello")?;
    let _ended = stream.read(&mut [0]);
    drop(stream);
    let own = [std::process::id()];
    Ok(Played {
        expected: vec![
            Wanted::server("node", PORT, &[node.pid()], "rst_sent/linger_zero"),
            Wanted::client("the client", PORT, &own, "rst_received/peer_reset"),
        ],
        running: vec![node],
    })
}

/// A program of Java that accepts one connection and does this with it.
fn java(stage: &Stage, what: &str, acts: [&'static str; 2]) -> anyhow::Result<Played> {
    let program = format!(
        "import java.net.*;\n\
         public class Server {{ public static void main(String[] words) throws Exception {{\n\
         try (ServerSocket server = new ServerSocket(8100)) {{\n\
         Socket socket = server.accept(); socket.getInputStream().read();\n\
         {what}\n\
         Thread.sleep(60000); }} }} }}\n"
    );
    let file = stage.file("Server.java", &program)?;
    let mut command = stage.command(Place::Server, "java");
    command
        .args(["-XX:TieredStopAtLevel=1", "-Xshare:auto"])
        .arg(file);
    let java = stage.serve(&mut command, PORT)?;
    let mut stream = stage.connect(PORT)?;
    stream.write_all(b".")?;
    let _ended = stream.read(&mut [0]);
    drop(stream);
    let own = [std::process::id()];
    let [served, asked] = acts;
    Ok(Played {
        expected: vec![
            Wanted::server("java", PORT, &[java.pid()], served),
            Wanted::client("the client", PORT, &own, asked),
        ],
        running: vec![java],
    })
}

fn java_close(stage: &Stage) -> anyhow::Result<Played> {
    let what = "Thread reader = new Thread(() -> {\n\
                try { socket.getInputStream().read(); } catch (Exception closed) { } });\n\
                reader.start(); Thread.sleep(300); socket.close();";
    java(
        stage,
        what,
        ["fin_sent/app_shutdown_write", "fin_received/peer_closed"],
    )
}

fn java_linger(stage: &Stage) -> anyhow::Result<Played> {
    let what = "socket.setSoLinger(true, 0); socket.close();";
    java(
        stage,
        what,
        ["rst_sent/linger_zero", "rst_received/peer_reset"],
    )
}
