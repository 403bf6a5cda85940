use super::*;
use proptest::prelude::*;
use serde_json::json;

fn of(command: &[&str]) -> Option<f64> {
    surely(&serde_json::from_value(json!({"exec": {"command": command}})).expect("a hook"))
}

fn shell(script: &str) -> Option<f64> {
    of(&["/bin/sh", "-c", script])
}

#[test]
fn reads_numbers_and_units() {
    assert_eq!((of(&["sleep", "30"]), of(&["/bin/sleep", "1.5m"])), (Some(30.0), Some(90.0)));
    assert_eq!((of(&["sleep", "1h", "5s"]), of(&["sleep", "2d"])), (Some(3605.0), Some(172_800.0)));
    for unknown in ["infinity", "$WAIT", "", "1w", "-1", "1ms", "1e9", "."] {
        assert_eq!(of(&["sleep", unknown]), None, "{unknown}");
    }
}

#[test]
fn adds_up_what_is_run_one_after_the_other() {
    for script in [
        "sleep 20; sleep 10",
        "sleep 20 && nginx -s quit && sleep 10",
        "# sleep 99\nsleep 20\n/bin/sleep 10s",
        "echo 'sleep 99; sleep 99' >> /proc/1/fd/1 2>&1; sleep 30",
        "set -e; PATH=/bin exec sleep 30",
        "kill -TERM $(pidof vault; sleep 9); sleep 30 > /dev/null",
        "echo `sleep 99`; sleep \\\n30",
    ] {
        assert_eq!(shell(script), Some(30.0), "{script}");
    }
    assert_eq!(of(&["bash", "-xec", "sleep 5"]), Some(5.0));
    assert_eq!(of(&["bash", "-e", "-c", "sleep 5"]), Some(5.0));
}

#[test]
fn guesses_at_no_loop_condition_or_variable() {
    for script in [
        "while kill -0 1; do sleep 99; done",
        "if true; then sleep 99; fi",
        "[ -f /drain ] && sleep 99",
        "test -f /drain && sleep 99",
        "nginx -s quit || sleep 99",
        "sleep 99 & wait",
        "(sleep 99)",
        "f() { sleep 99; }",
        "exit 0; sleep 99",
        "sleep $GRACE",
        "sleep \"${GRACE:-99}\"",
        "echo sleep 99",
        "cat <<END\nsleep 99\nEND",
        "timeout 5 sleep 99",
        "nodetool drain",
        "",
        "echo $(",
        "echo `",
    ] {
        assert_eq!(shell(script), None, "{script}");
    }
    assert_eq!((of(&["/pre-stop.sh", "99"]), of(&["sh", "/scripts/stop.sh"]), of(&[])), (None, None, None));
    assert_eq!(of(&["sh", "-c"]), None);
}

proptest! {
    #[test]
    fn never_panics(script in "(sleep|9|s|;|&|\\$|\\(|\\)|'|\"|`|\\\\|\n|#| |\\PC){0,40}") {
        prop_assert!(shell(&script).is_none_or(|seconds| seconds > 0.0));
    }
}
