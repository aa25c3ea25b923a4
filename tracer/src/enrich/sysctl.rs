//! The kernel's settings of TCP, as `sysctl` shows them.

use std::{fs, path::Path};

/// Files of these directories whose names begin so tell how connections end.
const WANTED: [(&str, &[&str]); 3] = [
    ("net/ipv4", &["tcp_", "ip_local_", "ip_nonlocal_bind"]),
    (
        "net/core",
        &["somaxconn", "netdev_max_backlog", "rmem_", "wmem_"],
    ),
    ("net/mptcp", &[""]),
];

/// Names and values, in the order of their names; what cannot be read is left out. They are those of
/// the network namespace finrst runs in.
#[must_use]
pub fn tcp(sys: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (directory, beginnings) in WANTED {
        let files = fs::read_dir(sys.join(directory)).into_iter().flatten();
        for file in files.flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            // The key of TCP Fast Open is a secret.
            let secret = name.ends_with("_key");
            if secret || !beginnings.iter().any(|it| name.starts_with(it)) {
                continue;
            }
            if let Ok(value) = fs::read_to_string(file.path()) {
                let name = format!("{}.{name}", directory.replace('/', "."));
                found.push((name, value.trim().replace('\t', " ")));
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_tcp_are_told_and_secrets_are_not() {
        let sys = tempfile::tempdir().unwrap();
        let ipv4 = sys.path().join("net/ipv4");
        fs::create_dir_all(&ipv4).unwrap();
        for (name, value) in [
            ("tcp_rmem", "4096\t131072\t6291456\n"),
            ("tcp_fin_timeout", "60\n"),
            ("tcp_fastopen_key", "secret\n"),
            ("icmp_ratelimit", "1000\n"),
        ] {
            fs::write(ipv4.join(name), value).unwrap();
        }
        let told = tcp(sys.path());
        let told: Vec<_> = told
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        assert_eq!(
            told,
            [
                ("net.ipv4.tcp_fin_timeout", "60"),
                ("net.ipv4.tcp_rmem", "4096 131072 6291456"),
            ]
        );
    }
}
