//! What the descriptors say: every name, number and type, and that each is explained.

use std::fmt::Write as _;

use protox::Compiler;

const FILES: [&str; 4] =
    ["pentad/v1/command.proto", "pentad/v1/keys.proto", "pentad/v1/cluster.proto", "pentad/v1/peer.proto"];

/// A number that is changed, or a name that goes, breaks programs that are out there: this snapshot only grows.
#[test]
fn numbers_and_types_are_as_published() {
    let mut text = String::new();
    let mut line = |indent: usize, what: String| writeln!(text, "{:indent$}{what}", "").unwrap();
    for file in protox::compile(FILES, ["proto"]).unwrap().file {
        for message in &file.message_type {
            line(0, format!("message {}", message.name()));
            for field in &message.field {
                let of = field.type_name().trim_start_matches(".pentad.v1.");
                let kind = format!("{:?} {:?} {of}", field.label(), field.r#type());
                line(2, format!("{} {} {}", field.number(), field.name(), kind.trim_end()));
            }
        }
        for list in &file.enum_type {
            line(0, format!("enum {}", list.name()));
            for value in &list.value {
                line(2, format!("{} {}", value.number(), value.name()));
            }
        }
        for service in &file.service {
            line(0, format!("service {}", service.name()));
            for method in &service.method {
                let stream = |is: bool| if is { "stream " } else { "" };
                let name = |name: &str| name.trim_start_matches(".pentad.v1.").to_owned();
                line(
                    2,
                    format!(
                        "{}({}{}) {}{}",
                        method.name(),
                        stream(method.client_streaming()),
                        name(method.input_type()),
                        stream(method.server_streaming()),
                        name(method.output_type())
                    ),
                );
            }
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn everything_is_explained() {
    let mut compiler = Compiler::new(["proto"]).unwrap();
    let set = compiler.include_source_info(true).open_files(FILES).unwrap().file_descriptor_set();
    let mut bare = Vec::new();
    let mut explained = 0;
    for file in &set.file {
        for place in &file.source_code_info.as_ref().unwrap().location {
            // A path names an element by turns of field number and index: messages, enums, services and what is in them.
            // Field 2 of a message are its fields, 8 its oneofs; 2 of an enum its values; 2 of a service its methods.
            let is_element = matches!(place.path[..], [4..=6, _] | [4, _, 2 | 8, _] | [5 | 6, _, 2, _]);
            if !is_element {
                continue;
            }
            explained += 1;
            if place.leading_comments().trim().is_empty() {
                bare.push(format!("{} line {}", file.name(), place.span[0] + 1));
            }
        }
    }
    assert!(explained > 300, "only {explained} elements were found");
    assert!(bare.is_empty(), "without a comment: {bare:#?}");
}

/// What reflection hands out is of the same files.
#[test]
fn the_descriptors_are_those_of_the_files() {
    let made = protox::compile(FILES, ["proto"]).unwrap();
    assert_eq!(pentad_client::wire::DESCRIPTORS, prost::Message::encode_to_vec(&made));
}
