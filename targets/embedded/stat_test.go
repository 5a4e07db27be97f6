package embedded
import ("testing";"sort";"fmt";"slices";"github.com/insightconform/conform/model")
func TestStat(t *testing.T){
 for _,fault:=range Faults{
  target := openInProcess(t, ServerOptions{Fault: fault.Name})
  n:=map[model.ID]int{}; ex:=map[model.ID]string{}; tot,good,steps:=0,0,0
  for seed:=range uint64(100){ if f:=walk(t,target,seed,200); f!=nil { f=shrink(t,target,f); n[f.blamed]++; ex[f.blamed]=f.String(); tot++; steps+=len(f.requests); if f.blamed==fault.Rule||slices.Contains(fault.AlsoRules,f.blamed){good++}}; if tot>=10 {break}}
  var s []string; for id,k:=range n{s=append(s,fmt.Sprintf("%d %s",k,id))}; sort.Strings(s)
  fmt.Printf("%3d%% %s [%s] -> %v %d\n", 100*good/max(tot,1), fault.Name, fault.Rule, s,steps/max(tot,1))
  for id,e:=range ex {if id!=fault.Rule&&!slices.Contains(fault.AlsoRules,id) {fmt.Println("EX ",fault.Name, e)}}
 }
}
