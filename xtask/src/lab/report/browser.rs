//! A browser, driven as a user would: the `WebDriver` protocol (W3C) spoken to chromedriver.

use std::{
    io::{BufRead, BufReader, Write as _},
    net::{Ipv4Addr, TcpStream},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use crate::{lab::clock::Deadline, shell};

/// What an element is called in the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The longest any page of the tests may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// What Chromium is started with: no window, nothing of its own asked of the network.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
];

/// A browser with one window, gone with its value.
pub(super) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    /// Where it says what it does, for which there must be a reader.
    out: BufReader<ChildStdout>,
    /// Its settings and its cache.
    profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one that has never run before.
    ///
    /// # Errors
    /// There is none, or it does not start.
    pub(super) fn new() -> anyhow::Result<Self> {
        let chromium = shell::find("chromium").context("there is no chromium: xtask setup")?;
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("there is no chromedriver: xtask setup")?;
        let out = driver.stdout.take().context("stdout is piped")?;
        let mut browser = Self {
            driver,
            port: 0,
            session: String::new(),
            out: BufReader::new(out),
            profile: tempfile::tempdir()?,
        };
        browser.port = port(&mut browser.out)?;
        let mut arguments: Vec<_> = ARGUMENTS.map(str::to_owned).into();
        let profile = browser.profile.path().display();
        arguments.push(format!("--user-data-dir={profile}"));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"binary": chromium, "args": arguments},
        }}});
        let made = browser.call("POST", "/session", &wanted)?;
        let session = made
            .get("sessionId")
            .and_then(Value::as_str)
            .context("no session")?;
        session.clone_into(&mut browser.session);
        Ok(browser)
    }

    /// Opens a page.
    pub(super) fn open(&self, url: &str) -> anyhow::Result<()> {
        self.ask("url", &json!({ "url": url })).map(drop)
    }

    /// What a script on the page returns.
    pub(super) fn run(&self, script: &str) -> anyhow::Result<Value> {
        self.ask("execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until a condition of the page holds, and returns its value.
    pub(super) fn wait(&self, condition: &str) -> anyhow::Result<Value> {
        let deadline = Deadline::after(PATIENCE);
        loop {
            let value = self.run(&format!("return {condition}"))?;
            if value != Value::Null && value != false {
                return Ok(value);
            }
            ensure!(!deadline.left().is_zero(), "never: {condition}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Clicks on an element, where it is to be seen.
    pub(super) fn click(&self, selector: &str) -> anyhow::Result<()> {
        let element = self.find(selector)?;
        let what = format!("element/{element}/click");
        self.ask(&what, &json!({})).map(drop)
    }

    /// Types into an element.
    pub(super) fn keys(&self, selector: &str, text: &str) -> anyhow::Result<()> {
        let element = self.find(selector)?;
        let what = format!("element/{element}/value");
        self.ask(&what, &json!({ "text": text })).map(drop)
    }

    /// What came on the console since the last look.
    pub(super) fn console(&self) -> anyhow::Result<Vec<Value>> {
        let lines = self.ask("se/log", &json!({"type": "browser"}))?;
        Ok(lines.as_array().cloned().unwrap_or_default())
    }

    fn find(&self, selector: &str) -> anyhow::Result<String> {
        let what = json!({"using": "css selector", "value": selector});
        let found = self.ask("element", &what)?;
        let element = found.get(ELEMENT).and_then(Value::as_str);
        Ok(element.context("an element without a name")?.to_owned())
    }

    fn ask(&self, what: &str, body: &Value) -> anyhow::Result<Value> {
        let path = format!("/session/{}/{what}", self.session);
        let told = self.call("POST", &path, body);
        told.with_context(|| format!("{what} {body}"))
    }

    /// One request and what comes of it.
    fn call(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let body = body.to_string();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )?;
        let mut told: Value = serde_json::from_slice(&answer(BufReader::new(stream))?)?;
        let value = told.get_mut("value").map(Value::take).unwrap_or_default();
        if let Some(error) = value.get("error").and_then(Value::as_str) {
            let message = value.get("message").and_then(Value::as_str);
            bail!("{error}: {}", message.unwrap_or_default());
        }
        Ok(value)
    }
}

impl Drop for Browser {
    /// The browser goes with its session, and its driver after it.
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let path = format!("/session/{}", self.session);
            let _closed = self.call("DELETE", &path, &json!({}));
        }
        let _killed = self.driver.kill();
        let _reaped = self.driver.wait();
    }
}

/// The body of an answer; the driver leaves the connection open behind it.
fn answer(mut stream: impl BufRead) -> anyhow::Result<Vec<u8>> {
    let (mut line, mut length) = (String::new(), None);
    while stream.read_line(&mut line)? > 2 {
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse()?);
        }
        line.clear();
    }
    let mut body = vec![0; length.context("an answer without a length")?];
    stream.read_exact(&mut body)?;
    Ok(body)
}

/// The port the driver chose, as it says.
fn port(out: &mut impl BufRead) -> anyhow::Result<u16> {
    let mut line = String::new();
    while out.read_line(&mut line)? > 0 {
        if let Some((_, rest)) = line.split_once("successfully on port ") {
            return Ok(rest.trim().trim_end_matches('.').parse()?);
        }
        line.clear();
    }
    bail!("chromedriver ended")
}
