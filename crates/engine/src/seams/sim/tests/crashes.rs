//! What a power cut takes and what it leaves.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use super::super::{Fault, Op, Part, SimDisk};
use super::shorthand::{SEEDS, content, create, outcomes, paths, settle};
use crate::seams::{Access, Disk};

#[test]
fn unsynced_bytes_are_lost_by_some_cut_and_kept_by_another() {
    let disk = SimDisk::new(1);
    let file = settle(&disk, "/a", b"old");
    file.write_all_at(b"new", 0).unwrap();
    let seen = outcomes(&disk, "/a");
    assert!(seen.contains_key(&Some(b"old".to_vec())), "{seen:?}");
    assert!(seen.contains_key(&Some(b"new".to_vec())), "{seen:?}");
    assert_eq!(seen.len(), 2, "a sector is written whole: {seen:?}");
}

#[test]
fn synced_bytes_and_names_survive_every_cut() {
    let disk = SimDisk::new(1);
    let bytes: Vec<u8> = (0..20_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let file = settle(&disk, "/a", &bytes);
    file.write_all_at(&[7; 9000], 20_000).unwrap();
    for (seen, count) in outcomes(&disk, "/a") {
        let seen = seen.unwrap_or_else(|| panic!("the file is gone under {count} seeds"));
        assert_eq!(seen[..20_000], bytes);
    }
}

#[test]
fn a_name_is_lost_by_some_cut_until_its_directory_is_synced() {
    let disk = SimDisk::new(1);
    create(&disk, "/a", b"x").sync().unwrap();
    let seen = outcomes(&disk, "/a");
    assert!(seen.contains_key(&None) && seen.contains_key(&Some(b"x".to_vec())), "{seen:?}");
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(outcomes(&disk, "/a").len(), 1);
}

#[test]
fn a_removal_is_undone_by_some_cut_until_its_directory_is_synced() {
    let disk = SimDisk::new(1);
    settle(&disk, "/a", b"x");
    disk.remove_file(Path::new("/a")).unwrap();
    let seen = outcomes(&disk, "/a");
    assert!(seen.contains_key(&None) && seen.contains_key(&Some(b"x".to_vec())), "{seen:?}");
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(outcomes(&disk, "/a").into_keys().collect::<Vec<_>>(), [None]);
}

#[test]
fn a_rename_over_a_file_leaves_the_old_one_or_the_new_one() {
    let disk = SimDisk::new(1);
    settle(&disk, "/a", b"old");
    create(&disk, "/a.tmp", b"new").sync().unwrap();
    disk.rename(Path::new("/a.tmp"), Path::new("/a")).unwrap();
    let seen: Vec<_> = outcomes(&disk, "/a").into_keys().collect();
    assert_eq!(seen, [Some(b"new".to_vec()), Some(b"old".to_vec())]);
    for seed in 0..SEEDS {
        let after = disk.crash(seed);
        let renamed = content(&after, "/a").unwrap() == b"new";
        assert!(!(renamed && content(&after, "/a.tmp").is_some()), "seed {seed}: one file under two names");
    }
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(outcomes(&disk, "/a").into_keys().collect::<Vec<_>>(), [Some(b"new".to_vec())]);
}

#[test]
fn a_rename_of_an_unsynced_file_may_leave_an_empty_one() {
    let disk = SimDisk::new(1);
    settle(&disk, "/a", b"old");
    create(&disk, "/a.tmp", b"new");
    disk.rename(Path::new("/a.tmp"), Path::new("/a")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let seen = outcomes(&disk, "/a");
    assert!(seen.contains_key(&Some(Vec::new())), "{seen:?}");
    assert!(seen.contains_key(&Some(vec![0; 3])), "the length without the bytes: {seen:?}");
}

#[test]
fn what_is_in_a_directory_goes_with_its_name() {
    let disk = SimDisk::new(1);
    disk.create_dir(Path::new("/tmp")).unwrap();
    settle(&disk, "/tmp/a", b"x");
    disk.rename(Path::new("/tmp"), Path::new("/store")).unwrap();
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        seen.insert(paths(&disk.crash(seed)));
    }
    let expected: BTreeSet<_> = [vec![], vec!["/tmp/a".into()], vec!["/store/a".into()]].into();
    assert_eq!(seen, expected);
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(paths(&disk.crash(3)), [Path::new("/store/a")]);
}

#[test]
fn a_large_write_tears_at_sectors_and_nowhere_else() {
    let disk = SimDisk::new(1);
    let file = settle(&disk, "/a", &[1; 16_384]);
    file.write_all_at(&[2; 16_184], 100).unwrap();
    let (mut torn_512, mut torn_4096) = (0, 0);
    for seen in outcomes(&disk, "/a").into_keys() {
        let seen = seen.unwrap();
        let changes: Vec<usize> = (1..seen.len()).filter(|&at| seen[at] != seen[at - 1]).collect();
        assert!(changes.iter().all(|at| at % 512 == 0 || *at == 100 || *at == 16_284), "{changes:?}");
        torn_512 += u32::from(changes.iter().any(|at| at % 4096 != 0 && at % 512 == 0));
        torn_4096 += u32::from(changes.iter().any(|at| at % 4096 == 0));
    }
    assert!(torn_512 > 5 && torn_4096 > 5, "{torn_512} {torn_4096}");
}

#[test]
fn a_length_survives_without_its_bytes_and_bytes_are_cut_at_a_length_that_did_not() {
    let disk = SimDisk::new(1);
    let file = settle(&disk, "/a", b"head");
    file.write_all_at(&[9; 6000], 4).unwrap();
    let seen = outcomes(&disk, "/a");
    let bodies: Vec<&[u8]> = seen.keys().map(|seen| &seen.as_ref().unwrap()[4..]).collect();
    assert!(bodies.iter().any(|body| body.is_empty()));
    assert!(bodies.iter().any(|body| body.len() == 6000 && body[1000..].iter().all(|&byte| byte == 0)));
    assert!(bodies.iter().any(|body| body.len() == 6000 && body.iter().all(|&byte| byte == 9)));
    assert!(bodies.iter().any(|body| (1..5999).contains(&body.len())), "a length in between");
    assert!(seen.keys().all(|seen| seen.as_ref().unwrap().starts_with(b"head")));
}

#[test]
fn bytes_that_were_cut_off_are_back_after_some_cut() {
    let disk = SimDisk::new(1);
    let file = settle(&disk, "/a", b"head and tail");
    file.set_length(4).unwrap();
    file.allocate(13).unwrap();
    assert_eq!(content(&disk, "/a").unwrap(), b"head\0\0\0\0\0\0\0\0\0");
    let seen = outcomes(&disk, "/a");
    assert!(seen.contains_key(&Some(b"head and tail".to_vec())), "{seen:?}");
    assert!(seen.contains_key(&Some(b"head".to_vec())), "{seen:?}");
    file.sync().unwrap();
    assert_eq!(outcomes(&disk, "/a").len(), 1);
}

#[test]
fn blocks_that_were_never_written_may_show_a_deleted_file() {
    let disk = SimDisk::new(1);
    settle(&disk, "/old", &[0xee; 8192]);
    disk.remove_file(Path::new("/old")).unwrap();
    let file = settle(&disk, "/a", &[1; 100]);
    file.write_all_at(&[2; 8092], 100).unwrap();
    let seen = outcomes(&disk, "/a");
    let stale = |body: &Option<Vec<u8>>| body.as_ref().unwrap().windows(512).any(|part| part == [0xee; 512]);
    assert!(seen.keys().any(stale));
    assert!(!seen.keys().all(stale));
    for body in seen.keys() {
        assert_eq!(body.as_ref().unwrap()[..100], [1; 100], "garbage never covers what was durable");
    }
}

#[test]
fn blocks_reserved_and_synced_are_zeros_until_they_are_written() {
    let disk = SimDisk::new(1);
    settle(&disk, "/old", &[0xee; 8192]);
    disk.remove_file(Path::new("/old")).unwrap();
    let file = settle(&disk, "/a", b"");
    file.allocate(65_536).unwrap();
    file.sync().unwrap();
    assert_eq!(outcomes(&disk, "/a").into_keys().collect::<Vec<_>>(), [Some(vec![0; 65_536])]);
}

#[test]
fn what_a_failed_sync_dropped_is_not_made_durable_by_the_next_one() {
    let (mut dropped, mut kept) = (0, 0);
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed);
        let file = settle(&disk, "/a", b"old");
        file.write_all_at(b"new", 0).unwrap();
        disk.inject(Fault::error(Op::Sync, 1, io::ErrorKind::Other));
        file.sync().unwrap_err();
        assert_eq!(content(&disk, "/a").unwrap(), b"new", "reading it back proves nothing");
        file.write_all_at(b"!", 3).unwrap();
        file.sync().unwrap();
        match &content(&disk.crash(seed), "/a").unwrap()[..] {
            b"old!" => dropped += 1,
            b"new!" => kept += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(dropped > 20 && kept > 20, "{dropped} {kept}");
}

#[test]
fn what_a_failed_directory_sync_dropped_stays_dropped() {
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed);
        create(&disk, "/a", b"x").sync().unwrap();
        disk.inject(Fault::error(Op::SyncDir, 1, io::ErrorKind::Other));
        disk.sync_dir(Path::new("/")).unwrap_err();
        disk.sync_dir(Path::new("/")).unwrap();
        seen.insert(content(&disk.crash(seed), "/a").is_some());
    }
    assert_eq!(seen.len(), 2);
}

#[test]
fn an_exact_cut_keeps_what_it_is_told_to() {
    let disk = SimDisk::new(1);
    let file = settle(&disk, "/a", &[1; 1536]);
    file.write_all_at(&[2; 1536], 0).unwrap();
    let pending = disk.pending(512);
    let data = |offset| Part::Data { offset, length: 512 };
    assert_eq!(pending.iter().map(|part| part.part).collect::<Vec<_>>(), [data(0), data(512), data(1024)]);
    for missing in &pending {
        let after = disk.crash_exact(512, &mut |part| part != missing);
        let seen = content(&after, "/a").unwrap();
        for part in &pending {
            let Part::Data { offset, .. } = part.part else { panic!("{part:?}") };
            let expected = if part == missing { 1 } else { 2 };
            assert_eq!(seen[usize::try_from(offset).unwrap()], expected);
        }
    }
    assert_eq!(disk.pending(4096).len(), 1);
    file.sync().unwrap();
    assert_eq!(disk.pending(512), []);
}

#[test]
fn the_old_handle_does_not_reach_the_disk_after_the_cut() {
    let disk = SimDisk::new(1);
    let file = settle(&disk, "/a", b"before");
    let after = disk.crash(1);
    file.write_all_at(b"AFTER!", 0).unwrap();
    file.sync().unwrap();
    assert_eq!(content(&after, "/a").unwrap(), b"before");
    assert_eq!(content(&disk, "/a").unwrap(), b"AFTER!");
    after.open(Path::new("/a"), Access::Write).unwrap().write_all_at(b"new", 0).unwrap();
    assert_eq!(content(&disk, "/a").unwrap(), b"AFTER!");
}

#[test]
fn a_killed_process_leaves_everything_that_it_wrote_and_still_nothing_durable() {
    let disk = SimDisk::new(1);
    let file = settle(&disk, "/a", b"old");
    file.write_all_at(b"new", 0).unwrap();
    create(&disk, "/b", b"x");
    let after = disk.kill();
    assert_eq!(after.image(), disk.image());
    let seen = outcomes(&after, "/a");
    assert!(seen.contains_key(&Some(b"old".to_vec())) && outcomes(&after, "/b").contains_key(&None));
    after.open(Path::new("/a"), Access::Write).unwrap().sync().unwrap();
    assert_eq!(outcomes(&after, "/a").len(), 1, "another process can sync what the first one wrote");
    assert_eq!(outcomes(&disk, "/a").len(), 2, "and the old disk has no part in it");
}

#[test]
fn one_seed_gives_one_run() {
    let run = |seed| {
        let disk = SimDisk::new(seed);
        let file = create(&disk, "/a", &[3; 5000]);
        disk.inject(Fault::error(Op::Sync, 1, io::ErrorKind::Other));
        file.sync().unwrap_err();
        file.write_all_at(&[4; 9000], 2000).unwrap();
        let after = disk.crash(seed + 1);
        (disk.trace(), after.image())
    };
    assert_eq!(run(5), run(5));
    assert!((0..SEEDS).any(|seed| run(seed).1 != run(5).1));
    assert!(run(5).0.len() >= 4);
}
