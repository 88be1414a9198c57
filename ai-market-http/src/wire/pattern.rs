//! The rules of names as regular expressions, for the OpenAPI document.
//!
//! Written without `\s` and the like, of which each dialect has an idea of its own.

use ai_market_core::id::WorkerId;

/// Characters that [`char::is_control`] names.
const CONTROL: &str = r"\u0000-\u001f\u007f-\u009f";

/// White space that is no control character, as [`char::is_whitespace`] names it.
const SPACE: &str = r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

/// White space among the control characters.
const BREAK: &str = r"\u0009-\u000d\u0085";

/// A task type.
pub(super) const TOKEN: &str = "^[A-Za-z0-9._:/-]+$";

/// No control character, and no white space around it.
fn line_of(repeat: &str) -> String {
    format!("[^{CONTROL}{SPACE}](?:[^{CONTROL}]{repeat}[^{CONTROL}{SPACE}])?")
}

/// A worker id and other names of one line.
pub(super) fn line() -> String {
    format!("^{}$", line_of("*"))
}

/// More than white space.
pub(super) fn not_blank() -> String {
    format!("[^{BREAK}{SPACE}]")
}

/// More than white space, without the NUL character.
pub(super) fn label() -> String {
    format!(r"^[^\u0000]*[^\u0000{BREAK}{SPACE}][^\u0000]*$")
}

/// More than white space, without control characters: a reference, or a part of a model identity.
pub(super) fn note() -> String {
    format!("^[^{CONTROL}]*[^{CONTROL}{SPACE}][^{CONTROL}]*$")
}

/// Points and a worker id.
pub(super) fn board_cursor() -> String {
    let inner = format!("{{0,{}}}", WorkerId::MAX_BYTES - 2);
    format!("^-?[0-9]{{1,18}}~{}$", line_of(&inner))
}

/// A model, or none.
pub(super) fn model_cursor() -> String {
    let part = format!("[^{CONTROL}{SPACE}|!](?:[^{CONTROL}|!]|![pe]){{0,62}}");
    format!(r"^(?:none|{part}\|(?:{part})?\|(?:{part})?)$")
}

/// A list of task types in JSON, alone or as the one field of an object; or nothing.
pub(super) fn capabilities_json() -> String {
    let item = r#"[ \t\r\n]*"[A-Za-z0-9._:/-]{1,64}"[ \t\r\n]*"#;
    let list = format!(r"\[{item}(?:,{item}){{0,63}}\]");
    format!(r#"^(?:{list}|\{{"(?:task_types|capabilities)":{list}\}}|\{{\}})?$"#)
}
