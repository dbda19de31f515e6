#![allow(warnings)]
mod vm;
use std::fs::File; use std::path::Path; use std::os::fd::*;
use snf_image::{cancel::Cancel, config::*, vm::*};
#[test]
fn trial() {
    let qemu = find_emulator(Path::new(&std::env::var("Q").unwrap_or("qemu-system-x86_64".into()))).unwrap();
    let mut m = vm::machine(&qemu, Path::new("/tmp/vm/vmlinux"));
    if let Ok(a)=std::env::var("A") { 
        let t=std::time::Instant::now();
        m.accelerator = vm::accelerator(if a=="auto" {AcceleratorChoice::Auto} else {AcceleratorChoice::Kvm}, &qemu, Path::new("/tmp/vm/accel/accel.json"));
        println!("chosen {} in {:?}", m.accelerator, t.elapsed());
    }
    m.initrd = File::open("/tmp/vm/trial.cpio").unwrap();
    m.memory_mib=256;
    m.kernel_command_line = std::env::var("X").unwrap_or_default();
    let a = File::options().read(true).write(true).open("/tmp/vm/disk-a").unwrap();
    let r = rustix::fs::fcntl_setfl(&a, rustix::fs::OFlags::DIRECT); println!("direct {r:?}");
    let b = File::options().read(true).write(true).open(std::env::var("B").unwrap_or("/tmp/vm/disk-b".into())).unwrap();
    m.disks = vec![Disk{file:a}, Disk{file:b}];
    let p = ParamsDisk::with_capacity(100000, 1).unwrap();
    m.parameters = Some(ParametersDisk{image:p.open_for_reading().unwrap(), seat: ParametersSeat::Virtio});
    let log = vm::Log::default(); let c = Cancel::new().unwrap();
    let mut run = start(m, Box::new(log.clone())).unwrap();
    let par = serde_json::from_value(serde_json::json!({"version":1,"hostname":"vm1","password":"geheim","password_hash":null,"authorized_keys":[],"host_keys":[],"properties":{},"personality":[]})).unwrap();
    p.fill(&par, &[("files/0".to_string(), b"CONTENT".to_vec())]).unwrap();
    let r = run.wait_ready(&c); println!("{r:?} {:?} {}", run.ready_after(), run.accelerator());
    if r.is_ok() { run.open_gate(&vm::gate()).unwrap();
    println!("{:?}", run.finish(&c)); }
    for e in log.entries() { println!("{e}"); }
}
