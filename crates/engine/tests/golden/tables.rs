//! The tables of the format page, read as a decoder: every field of a golden file is cut out where its row says.
//!
//! Invariant: rows leave no gap and no overlap, and cover as many bytes as the heading says; magic, version, checksums,
//! lengths and zero fields are what the page demands. What the fields mean is held by the snapshot.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// A row: where, how long, what.
struct Field {
    offset: usize,
    size: usize,
    name: String,
}

/// The first table with offsets behind `heading`.
fn table(page: &str, heading: &str) -> Vec<Field> {
    let (_, section) = page.split_once(heading).unwrap_or_else(|| panic!("the page has no {heading:?}"));
    let (_, rows) = section.split_once("| --- | --- | --- |\n").expect("a table of three columns");
    let mut fields = Vec::new();
    for row in rows.lines().take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').splitn(3, '|').map(str::trim).collect();
        // Rows whose place depends on a count are not fixed.
        if let (Ok(offset), Ok(size)) = (cells[0].parse(), cells[1].parse()) {
            let name = cells[2].split([':', ';', ',']).next().unwrap().to_owned();
            fields.push(Field { offset, size, name });
        }
    }
    fields
}

fn contiguous(heading: &str, fields: &[Field], length: usize) {
    let mut end = 0;
    for field in fields {
        assert_eq!(field.offset, end, "{heading}: {:?} follows what ends at {end}", field.name);
        end += field.size;
    }
    assert_eq!(end, length, "{heading}: the length");
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

fn get(fields: &[Field], bytes: &[u8], name: &str) -> u64 {
    let field = fields.iter().find(|field| field.name == name).unwrap_or_else(|| panic!("no field {name:?}"));
    number(&bytes[field.offset..field.offset + field.size])
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

fn print(out: &mut String, title: &str, fields: &[Field], bytes: &[u8]) {
    writeln!(out, "{title}").unwrap();
    for Field { offset, size, name } in fields {
        let part = &bytes[*offset..offset + size];
        if name == "zero" {
            assert!(part.iter().all(|byte| *byte == 0), "{title}: the zero bytes at {offset}");
        } else if *size <= 8 {
            writeln!(out, "  {offset:3} {name} = {}", number(part)).unwrap();
        } else {
            writeln!(out, "  {offset:3} {name} = {}", hex(part)).unwrap();
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn magic(page: &str, tag: &str) -> Vec<u8> {
    let (_, after) = page.split_once("magic `").unwrap();
    let text = after.split('`').next().unwrap();
    let mut magic: Vec<u8> = text.split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
    assert_eq!(&magic[11..15], b"IDEN");
    magic[11..15].copy_from_slice(tag.as_bytes());
    magic
}

/// Every fixed field of every file of an image.
pub(crate) fn show(page: &str, image: &BTreeMap<PathBuf, Vec<u8>>) -> String {
    let identity = table(page, "## 2. Identity: 128 bytes");
    let catalog = table(page, "## 3. Catalog");
    let record = table(page, "Segment record:");
    let segment = table(page, "## 4. Segments");
    contiguous("identity", &identity, 128);
    contiguous("catalog", &catalog, 256);
    contiguous("segment record", &record, 96);
    contiguous("segment header", &segment, 128);
    let mut out = String::new();
    for (path, bytes) in image {
        let name = path.file_name().unwrap().to_str().unwrap();
        match name {
            "lock" => assert!(bytes.is_empty()),
            "identity" => {
                assert_eq!(bytes.len(), 128);
                assert_eq!(bytes[..16], magic(page, "IDEN"));
                assert_eq!(
                    crc32fast::hash(&bytes[..124]),
                    u32::from_le_bytes(bytes[124..].try_into().unwrap())
                );
                print(&mut out, name, &identity, bytes);
            }
            "catalog.0" | "catalog.1" => {
                assert_eq!(bytes[..16], magic(page, "CATL"));
                let count = size(get(&catalog, bytes, "number of segment records"));
                assert_eq!(bytes.len(), 264 + 96 * count);
                assert_eq!(get(&catalog, bytes, "length of this file"), bytes.len() as u64);
                let (covered, sum) = bytes.split_at(bytes.len() - 4);
                assert_eq!(crc32fast::hash(covered).to_le_bytes(), sum);
                assert_eq!(&bytes[40..168], image[&path.with_file_name("identity")], "the identity's copy");
                print(&mut out, name, &catalog, bytes);
                for index in 0..count {
                    print(&mut out, &format!("{name} record {index}"), &record, &bytes[256 + 96 * index..]);
                }
            }
            _ => {
                assert_eq!(bytes[..16], magic(page, "SEGM"), "{name}");
                assert_eq!(crc32fast::hash(&bytes[..124]).to_le_bytes(), bytes[124..128]);
                assert_eq!(
                    format!("{:016x}", get(&segment, bytes, "segment id")),
                    name.split('.').next().unwrap()
                );
                print(&mut out, name, &segment, bytes);
                if !name.ends_with(".stream") {
                    frames(&mut out, page, name, &segment, bytes);
                }
            }
        }
    }
    out
}

/// The frames of a segment, up to the first whose header checksum, computed as the page says, does not hold.
fn frames(out: &mut String, page: &str, name: &str, segment: &[Field], bytes: &[u8]) {
    let header = table(page, "## 5. Frames");
    contiguous("frame header", &header, 64);
    let entry = table(page, "## 6. Entries");
    contiguous("entry", &entry, 12);
    let nonce = segment.iter().find(|field| field.name == "nonce").unwrap();
    let nonce = &bytes[nonce.offset..nonce.offset + nonce.size];
    let mut offset = 128;
    while offset + 64 <= bytes.len() {
        let frame = &bytes[offset..];
        let mut sum = crc32fast::Hasher::new();
        sum.update(nonce);
        sum.update(&frame[56..60]);
        sum.update(&frame[16..24]);
        sum.update(&(offset as u64).to_le_bytes());
        sum.update(&frame[4..64]);
        if u64::from(sum.finalize()) != get(&header, frame, "header checksum") {
            assert!(
                frame.iter().all(|byte| *byte == 0),
                "{name}: what is behind the last frame is unwritten"
            );
            break;
        }
        print(out, &format!("{name} frame at {offset}"), &header, frame);
        let body = size(get(&header, frame, "length of the body in bytes"));
        if get(&header, frame, "number of entries") > 0 {
            print(out, &format!("{name} first entry at {}", offset + 64), &entry, &frame[64..]);
        }
        offset += 64 + body;
    }
    assert!(offset > 128 || name.ends_with(".log"), "{name}: a compacted segment has a frame");
}
