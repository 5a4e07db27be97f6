package generators
import ("testing";"fmt";"time")
func TestX(t *testing.T){
 for range 6 {
 t0:=time.Now()
 ws:=prepareWorlds(world(),Everything()); t1:=time.Now()
 s:=newSearch(ws); t2:=time.Now()
 b := &builder{search: s, seen: map[string]bool{}}
 b.rules(); t3:=time.Now()
 b.positive(); t4:=time.Now()
 h:=b.histories(); t5:=time.Now()
 for _,x:=range h { b.scenario(nil,x)}; t6:=time.Now()
 b.values(); b.pairs(); t7:=time.Now()
 fmt.Println(len(ws.list),s.tried,t1.Sub(t0),t2.Sub(t1),t3.Sub(t2),t4.Sub(t3),t5.Sub(t4),t6.Sub(t5),t7.Sub(t6))
 }
}
