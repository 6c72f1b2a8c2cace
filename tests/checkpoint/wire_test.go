package checkpoint

import (
	"reflect"
	"testing"

	"github.com/checkpoint-restore/go-criu/v8/rpc"

	"github.com/rung-oci/rung/internal/criu"
)

func ptr[T any](v T) *T { return &v }

// What our encoder writes is what CRIU's own library understands by it.
func TestRequests(t *testing.T) {
	all := &criu.Options{
		Images: 7, Work: 8, LogFile: "dump.log", PID: 4711, Root: "/root", Parent: "../p", TrackMemory: true, ConfigFile: "/etc/x",
		LeaveRunning: true, ExternalSockets: true, Established: true, Shell: true, FileLocks: true, AutoDedup: true, LinkRemap: true,
		SkipInFlight: true, LazyPages: true, OrphanTerminal: true, CloseTCP: true, Sibling: true, EvasiveDevices: true, EmptyNet: true,
		ServerAddress: "::1", ServerPort: 65535, Mounts: []criu.Pair{{Key: "/a", Value: "/b"}, {Key: "/c", Value: ""}},
		External: []string{"net[1]:x", "file[1a:4]"}, Inherit: []criu.InheritFD{{Key: "pipe:[5]", Index: 0}, {Key: "n", Index: 2}},
		Join: []criu.Pair{{Key: "ipc", Value: "/proc/1/fd/3"}}, Cgroups: criu.CgroupStrict, CgroupRoots: []criu.Pair{{Key: "", Value: "/x"}},
		CgroupYard: "/y", FreezeCgroup: "/sys/fs/cgroup/x", Timeout: 300, StatusFD: 9, Profile: "apparmor:p", MountContext: "ctx",
	}
	want := &rpc.CriuOpts{
		ImagesDirFd: ptr(int32(7)), WorkDirFd: ptr(int32(8)), LogFile: ptr("dump.log"), LogLevel: ptr(int32(4)), Pid: ptr(int32(4711)), Root: ptr("/root"),
		ParentImg: ptr("../p"), TrackMem: ptr(true), ConfigFile: ptr("/etc/x"), LeaveRunning: ptr(true), ExtUnixSk: ptr(true), TcpEstablished: ptr(true),
		ShellJob: ptr(true), FileLocks: ptr(true), AutoDedup: ptr(true), LinkRemap: ptr(true), TcpSkipInFlight: ptr(true), LazyPages: ptr(true),
		OrphanPtsMaster: ptr(true), TcpClose: ptr(true), RstSibling: ptr(true), EvasiveDevices: ptr(true), EmptyNs: ptr(uint32(0x40000000)),
		NotifyScripts: ptr(true), Ps: &rpc.CriuPageServerInfo{Address: ptr("::1"), Port: ptr(int32(65535))},
		ExtMnt:   []*rpc.ExtMountMap{{Key: ptr("/a"), Val: ptr("/b")}, {Key: ptr("/c"), Val: ptr("")}},
		External: []string{"net[1]:x", "file[1a:4]"}, InheritFd: []*rpc.InheritFd{{Key: ptr("pipe:[5]"), Fd: ptr(int32(4))}, {Key: ptr("n"), Fd: ptr(int32(6))}},
		JoinNs: []*rpc.JoinNamespace{{Ns: ptr("ipc"), NsFile: ptr("/proc/1/fd/3")}}, ManageCgroupsMode: ptr(rpc.CriuCgMode_STRICT),
		CgRoot: []*rpc.CgroupRoot{{Ctrl: ptr(""), Path: ptr("/x")}}, CgroupYard: ptr("/y"), FreezeCgroup: ptr("/sys/fs/cgroup/x"), Timeout: ptr(uint32(300)),
		StatusFd: ptr(int32(9)), LsmProfile: ptr("apparmor:p"), LsmMountContext: ptr("ctx"),
	}
	for _, tt := range []struct {
		ours   criu.Request
		theirs *rpc.CriuReq
	}{
		{criu.Request{Type: criu.Version, KeepOpen: true}, &rpc.CriuReq{Type: ptr(rpc.CriuReqType_VERSION), KeepOpen: ptr(true)}},
		{criu.Request{Type: criu.Notification}, &rpc.CriuReq{Type: ptr(rpc.CriuReqType_NOTIFY), NotifySuccess: ptr(false)}},
		{criu.Request{Type: criu.Notification, Agreed: true}, &rpc.CriuReq{Type: ptr(rpc.CriuReqType_NOTIFY), NotifySuccess: ptr(true)}},
		{
			criu.Request{Type: criu.FeatureCheck, Features: &criu.Features{MemoryTracking: true, LazyPages: true}},
			&rpc.CriuReq{Type: ptr(rpc.CriuReqType_FEATURE_CHECK), Features: &rpc.CriuFeatures{MemTrack: ptr(true), LazyPages: ptr(true)}},
		},
		{criu.Request{Type: criu.Dump, Options: all}, &rpc.CriuReq{Type: ptr(rpc.CriuReqType_DUMP), Opts: want}},
		{criu.Request{Type: criu.SinglePreDump}, &rpc.CriuReq{Type: ptr(rpc.CriuReqType_SINGLE_PRE_DUMP)}},
		{criu.Request{Type: criu.Restore}, &rpc.CriuReq{Type: ptr(rpc.CriuReqType_RESTORE)}},
		{criu.Request{Type: criu.Check}, &rpc.CriuReq{Type: ptr(rpc.CriuReqType_CHECK)}},
	} {
		got := new(rpc.CriuReq)
		if err := got.UnmarshalVT(tt.ours.Encode()); err != nil {
			t.Errorf("%+v: %v", tt.ours, err)
			continue
		}
		if !got.EqualVT(tt.theirs) {
			t.Errorf("%+v is understood as\n%v, want\n%v", tt.ours, got, tt.theirs)
		}
	}
}

// What CRIU's own library writes is what our decoder reads.
func TestResponses(t *testing.T) {
	for _, tt := range []struct {
		theirs *rpc.CriuResp
		want   criu.Response
	}{
		{
			&rpc.CriuResp{
				Type: ptr(rpc.CriuReqType_VERSION), Success: ptr(true),
				Version: &rpc.CriuVersion{MajorNumber: ptr(int32(4)), MinorNumber: ptr(int32(1)), Sublevel: ptr(int32(1)), Gitid: ptr("v4"), Name: ptr("x")},
			},
			criu.Response{Type: criu.Version, Success: true, Version: 40101},
		},
		{
			&rpc.CriuResp{Type: ptr(rpc.CriuReqType_NOTIFY), Success: ptr(true), Notify: &rpc.CriuNotify{Script: ptr("post-restore"), Pid: ptr(int32(70000))}},
			criu.Response{Type: criu.Notification, Success: true, Script: "post-restore", PID: 70000},
		},
		{
			&rpc.CriuResp{Type: ptr(rpc.CriuReqType_RESTORE), Success: ptr(true), Restore: &rpc.CriuRestoreResp{Pid: ptr(int32(12))}},
			criu.Response{Type: criu.Restore, Success: true, PID: 12},
		},
		{
			&rpc.CriuResp{Type: ptr(rpc.CriuReqType_RESTORE), Success: ptr(false), Restore: &rpc.CriuRestoreResp{Pid: ptr(int32(-1))}, CrErrno: ptr(int32(-5)), CrErrmsg: ptr("no")},
			criu.Response{Type: criu.Restore, PID: -1, Errno: -5, Message: "no"},
		},
		{
			&rpc.CriuResp{
				Type: ptr(rpc.CriuReqType_FEATURE_CHECK), Success: ptr(true),
				Features: &rpc.CriuFeatures{MemTrack: ptr(true), LazyPages: ptr(false), PidfdStore: ptr(true)}, Status: ptr(int32(3)),
			},
			criu.Response{Type: criu.FeatureCheck, Success: true, Features: criu.Features{MemoryTracking: true}},
		},
	} {
		data, err := tt.theirs.MarshalVT()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := criu.Decode(data); err != nil || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%v is read as %+v, %v, want %+v", tt.theirs, got, err, tt.want)
		}
	}
}
