//! Three network namespaces: a client's, a server's, and between them a router's with a bridge and
//! address translation.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};

/// Where the client finds the server across the bridge, untranslated.
pub(super) const BRIDGED: &str = "10.77.1.3";
/// Where it finds the server behind the translation.
pub(super) const TRANSLATED: &str = "10.77.1.1";

/// The namespaces; they go with their value.
pub(super) struct Network {
    /// Names of the client's, the router's and the server's.
    pub(super) names: [String; 3],
    /// Their inode numbers.
    pub(super) inodes: [u32; 3],
}

impl Network {
    /// Makes it.
    ///
    /// # Errors
    /// `ip` or `nft` cannot do their part.
    pub(super) fn new() -> anyhow::Result<Self> {
        let pid = std::process::id();
        let names = ["c", "r", "s"].map(|which| format!("finrst-truth-{pid}{which}"));
        let mut network = Self {
            names,
            inodes: [0; 3],
        };
        for name in &network.names {
            ip(&format!("netns add {name}"))?;
            ip(&format!("-n {name} link set lo up"))?;
        }
        for (slot, name) in network.inodes.iter_mut().zip(&network.names) {
            let inode = fs::metadata(format!("/run/netns/{name}"))?.ino();
            *slot = u32::try_from(inode)?;
        }
        network.connect()?;
        Ok(network)
    }

    fn connect(&self) -> anyhow::Result<()> {
        let [client, router, server] = &self.names;
        for words in [
            format!("-n {router} link add br0 type bridge"),
            format!("-n {router} addr add {TRANSLATED}/24 dev br0"),
            format!("-n {router} link set br0 up"),
            format!("link add eth0 netns {client} type veth peer name port0 netns {router}"),
            format!("link add eth0 netns {server} type veth peer name port1 netns {router}"),
            format!("link add eth1 netns {server} type veth peer name wan0 netns {router}"),
            format!("-n {router} link set port0 master br0 up"),
            format!("-n {router} link set port1 master br0 up"),
            format!("-n {router} addr add 10.77.2.1/24 dev wan0"),
            format!("-n {router} link set wan0 up"),
            format!("-n {client} addr add 10.77.1.2/24 dev eth0"),
            format!("-n {client} link set eth0 up"),
            format!("-n {server} addr add {BRIDGED}/24 dev eth0"),
            format!("-n {server} link set eth0 up"),
            format!("-n {server} addr add 10.77.2.3/24 dev eth1"),
            format!("-n {server} link set eth1 up"),
        ] {
            ip(&words)?;
        }
        Self::tables(
            router,
            &format!(
                "table ip finrst {{\n\
             chain before {{ type nat hook prerouting priority dstnat; ip daddr {TRANSLATED} tcp dport 1-65535 dnat to 10.77.2.3; }}\n\
             chain after {{ type nat hook postrouting priority srcnat; oifname \"wan0\" masquerade; }}\n}}\n"
            ),
        )?;
        let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
        let mut sysctl = self.command(1, "sh");
        ensure!(
            sysctl.args(["-c", forward]).status()?.success(),
            "no forwarding"
        );
        // What netfilter refuses, no socket does.
        Self::tables(
            server,
            "table ip finrst {\n chain in {\n type filter hook input priority 0;\n tcp dport 9999 reject with tcp reset\n }\n}\n",
        )
    }

    fn tables(name: &str, rules: &str) -> anyhow::Result<()> {
        let mut nft = Command::new("ip")
            .args(["netns", "exec", name, "nft", "-f", "-"])
            .stdin(Stdio::piped())
            .spawn()?;
        let mut stdin = nft.stdin.take().context("stdin is piped")?;
        stdin.write_all(rules.as_bytes())?;
        drop(stdin);
        ensure!(nft.wait()?.success(), "nft refuses {rules}");
        Ok(())
    }

    /// A program to be run inside: 0 with the client, 1 on the router, 2 with the server.
    ///
    /// `ip` becomes the program, so that the pid of its process is the program's.
    pub(super) fn command(&self, place: usize, program: &str) -> Command {
        let mut command = Command::new("ip");
        let name = self.names.get(place).map_or("", String::as_str);
        command.args(["netns", "exec", name, program]);
        command.stdin(Stdio::null());
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in &self.names {
            let _gone = ip(&format!("netns del {name}"));
        }
    }
}

fn ip(words: &str) -> anyhow::Result<()> {
    let mut command = Command::new("ip");
    let output = command.args(words.split_whitespace()).output()?;
    let talk = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {words}: {}", talk.trim());
    Ok(())
}
