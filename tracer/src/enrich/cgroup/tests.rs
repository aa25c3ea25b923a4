//! Paths as real machines show them, and paths that only look like these.

use proptest::{collection, prelude::*, sample};

use super::*;

const HASH: &str = "3b2f6a0d9c5e41788a1fd0c7be2956f4831ce07d5a9b64f2e8c013579bdf2468";
const OTHER: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const UID: &str = "8a3c51d4-2f6b-4c0e-9d7a-1b2c3d4e5f60";
const STATIC_UID: &str = "f1d7c0a9e8b65432f1d7c0a9e8b65432";

/// What a path says, in short: `runtime id pod`, `-` for what it does not say.
fn told(path: &str) -> String {
    let Membership { container, pod } = membership(path.as_bytes());
    let runtime = container.as_ref().and_then(|it| it.runtime);
    let id = container.as_ref().map(|it| it.id.to_string());
    let pod = pod.map(|PodUid(uid)| uid);
    format!(
        "{} {} {}",
        runtime.map_or("-", Runtime::code),
        id.as_deref().unwrap_or("-"),
        pod.as_deref().unwrap_or("-")
    )
}

fn filled(text: &str) -> String {
    text.replace("HASH", HASH)
        .replace("OTHER", OTHER)
        .replace("STATIC", STATIC_UID)
        .replace("UNIT_UID", &UID.replace('-', "_"))
        .replace("UID", UID)
}

#[expect(clippy::too_many_lines, reason = "a table")]
#[test]
fn real_paths_name_their_containers() {
    for (path, expected) in [
        ("/system.slice/docker-HASH.scope", "docker HASH -"),
        ("/docker/HASH", "docker HASH -"),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-HASH.scope",
            "docker HASH -",
        ),
        (
            "/ecstasks.slice/ecstasks-0123.slice/docker-HASH.scope",
            "docker HASH -",
        ),
        (
            "/system.slice/docker-HASH.scope/init.scope",
            "docker HASH -",
        ),
        ("/docker/OTHER/docker/HASH", "docker HASH -"),
        ("/system.slice:docker:HASH", "docker HASH -"),
        ("/system.slice/nerdctl-HASH.scope", "containerd HASH -"),
        ("/machine.slice/libpod-HASH.scope", "podman HASH -"),
        (
            "/machine.slice/libpod-HASH.scope/container",
            "podman HASH -",
        ),
        (
            "/user.slice/user-0.slice/user@0.service/user.slice/libpod-HASH.scope/container",
            "podman HASH -",
        ),
        ("/libpod_parent/libpod-HASH", "podman HASH -"),
        (
            "/system.slice/web.service/libpod-payload-HASH",
            "podman HASH -",
        ),
        (
            "/machine.slice/machine-debian.scope/payload",
            "systemd-nspawn debian -",
        ),
        (
            "/machine.slice/machine-my\\x2dbox.scope/payload/init.scope",
            "systemd-nspawn my-box -",
        ),
        (
            "/machine.slice/systemd-nspawn@web.service/payload",
            "systemd-nspawn web -",
        ),
        ("/lxc.payload.web/system.slice/nginx.service", "lxc web -"),
        ("/lxc.payload/web", "lxc web -"),
        ("/lxc/web", "lxc web -"),
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUNIT_UID.slice/cri-containerd-HASH.scope",
            "containerd HASH UID",
        ),
        (
            "/kubepods.slice/kubepods-podUNIT_UID.slice/crio-HASH.scope",
            "cri-o HASH UID",
        ),
        (
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podSTATIC.slice/docker-HASH.scope",
            "docker HASH STATIC",
        ),
        ("/kubepods/burstable/podUID/HASH", "- HASH UID"),
        ("/kubepods/podUID/HASH", "- HASH UID"),
        ("/kubepods/besteffort/podUID/crio-HASH", "cri-o HASH UID"),
        (
            "/system.slice/containerd.service/kubepods-burstable-podUNIT_UID.slice:cri-containerd:HASH",
            "containerd HASH UID",
        ),
        (
            "/docker/OTHER/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-podUNIT_UID.slice/cri-containerd-HASH.scope",
            "containerd HASH UID",
        ),
        ("/kubepods.slice/kubepods-podUNIT_UID.slice", "- - UID"),
    ] {
        assert_eq!(told(&filled(path)), filled(expected), "{path}");
    }
}

#[test]
fn paths_that_only_look_alike_name_none() {
    for path in [
        "",
        "/",
        "/init.scope",
        "/user.slice/user-1000.slice/session-3.scope",
        "/system.slice/docker.service",
        "/system.slice/docker-HASH0.scope",
        "/system.slice/docker-HASH.service",
        "/system.slice/docker-.scope",
        "/docker/buildkit",
        "/docker/buildx/HASH0",
        "/HASH",
        "/dockers/HASH",
        // The monitors stand beside what they watch.
        "/machine.slice/libpod-conmon-HASH.scope",
        "/kubepods.slice/crio-conmon-HASH.scope",
        "/lxc.monitor.web",
        "/machine.slice/machine-debian.scope/supervisor",
        // Virtual machines and libvirt's own containers.
        "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
        "/machine.slice/machine-lxc\\x2d1\\x2dweb.scope",
        "/machine.slice/machine-.scope",
        "/elsewhere.slice/machine-debian.scope",
        "/lxc.payload.",
        "/lxc/",
        "/system.slice:other:HASH",
        "/system.slice:docker:HASH:more",
        "/docker:docker:HASH",
        // Pods need their root, and a uid.
        "/podUID/HASH",
        "/kubepods/burstable/pod/HASH",
        "/kubepods/burstable/podNOTAUID/HASH",
        "/other-podUNIT_UID.slice/HASH",
        "/kubepods.slice/kubepods-pod8a3c51d4_2f6b.slice",
    ] {
        assert_eq!(told(&filled(path)), "- - -", "{path}");
    }
}

#[test]
fn upper_case_is_not_how_runtimes_write() {
    assert_eq!(told(&format!("/docker/{}", HASH.to_uppercase())), "- - -");
}

#[test]
fn a_name_that_moves_cursors_is_shown_escaped() {
    let found = membership(b"/lxc/\x1b[2J\xff\n");
    let id = found.container.unwrap().id;
    assert_eq!(id.to_string(), "\\u{1b}[2J\\xff\\n");
}

/// Parts that patterns look for, and anything else.
fn part() -> impl Strategy<Value = Vec<u8>> {
    let known = sample::select(vec![
        "docker",
        "lxc",
        "kubepods",
        "machine.slice",
        "docker-",
        ".scope",
        "machine-",
        "supervisor",
        "lxc.payload.",
        "kubepods-pod",
        ".slice",
        ":",
        "\\x",
        "\\x2",
        "pod",
        "/",
        HASH,
        UID,
    ]);
    prop_oneof![
        known.prop_map(|text| text.as_bytes().to_vec()),
        collection::vec(any::<u8>(), 0..8),
    ]
}

proptest! {
    #[test]
    fn no_path_panics_and_no_id_is_made_up(parts in collection::vec(part(), 0..12)) {
        let path = parts.concat();
        let Membership { container, pod } = membership(&path);
        if let Some(Container { id, runtime }) = container {
            let named = matches!(runtime, Some(Runtime::Nspawn | Runtime::Lxc));
            prop_assert!(!id.bytes().is_empty());
            prop_assert!(named || is_hash(id.bytes()));
            prop_assert!(!id.to_string().chars().any(char::is_control));
        }
        if let Some(PodUid(uid)) = pod {
            prop_assert!(is_uid(uid.as_bytes()));
        }
    }
}
