export default {
  fixture: {
    open: "保存为测试样本",
    title: "将此流程保存为测试样本",
    about:
      "此后测试会重放它，结果不同时会指出。电子邮件地址、个人目录和标识符会替换为其他值；若其中仍含有本 luna 的机密，则不会写入任何内容。",
    name: "名称",
    nameAbout: "fixtures/wire 中的文件夹名。",
    nameWrong: "请使用字母、数字、“.”、“_”和“-”，并以字母或数字开头。",
    minimise: "去掉不影响结局的部分",
    keep: "保存",
    busy: "正在重放…",
    done: "已保存到 {{folder}}。",
    shows: "它展示：{{shows}}",
    left_one: "数据流的 {{before}} 个事件中保留了 {{count}} 个。",
    left_other: "数据流的 {{before}} 个事件中保留了 {{count}} 个。",
    cut: "搜索因超时而结束：也许还能更短。",
  },
  bundle: {
    open: "打包",
    about: "一个文件，包含此流程的一切，不含机密。可在另一台机器上用 `luna open` 查看。",
    busy: "正在打包…",
    done: "{{name}} 已生成。其中包含提问与回答：发送前请先阅读。",
  },
  opened: {
    about: "这是来自另一台机器的包（luna {{luna}}，{{system}}，{{python}}）：无法做任何更改。",
    configuration: {
      same: "配置即流程开始时的配置。",
      later: "配置是打包时的配置。",
      none: "其配置在此无法使用；显示的是 luna 自带的配置。",
    },
    look: "查看该流程",
  },
} as const;
