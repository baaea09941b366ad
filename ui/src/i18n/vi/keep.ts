export default {
  fixture: {
    open: "Giữ làm mẫu kiểm thử",
    title: "Giữ luồng này làm mẫu kiểm thử",
    about:
      "Từ đó các bài kiểm thử sẽ phát lại luồng này và báo khi kết quả khác đi. Địa chỉ e-mail, thư mục cá nhân và mã định danh được thay bằng mã khác; không có gì được ghi nếu bên trong còn bí mật của luna này.",
    name: "Tên",
    nameAbout: "Tên thư mục trong fixtures/wire.",
    nameWrong: "Chỉ dùng chữ cái, chữ số, '.', '_' và '-'; bắt đầu bằng chữ cái hoặc chữ số.",
    minimise: "Bỏ những gì không cần để kết thúc như cũ",
    keep: "Giữ lại",
    busy: "Đang phát lại …",
    done: "Đã lưu vào {{folder}}.",
    shows: "Mẫu cho thấy: {{shows}}",
    left_one: "Còn {{count}} trên {{before}} sự kiện của luồng dữ liệu.",
    left_other: "Còn {{count}} trên {{before}} sự kiện của luồng dữ liệu.",
    cut: "Việc tìm kiếm dừng vì hết thời gian: có thể còn rút ngắn được nữa.",
  },
  bundle: {
    open: "Đóng gói",
    about: "Một tệp chứa mọi thứ về luồng này, không có bí mật. `luna open` hiển thị nó trên máy khác.",
    busy: "Đang đóng gói …",
    done: "Đã tạo {{name}}. Trong đó có câu hỏi và câu trả lời: hãy đọc trước khi gửi.",
  },
  opened: {
    about: "Đây là gói từ một máy khác (luna {{luna}}, {{system}}, {{python}}): không thể thay đổi gì.",
    configuration: {
      same: "Cấu hình là cấu hình lúc luồng bắt đầu.",
      later: "Cấu hình là cấu hình lúc gói được tạo.",
      none: "Không dùng được cấu hình của gói ở đây; đang hiển thị cấu hình đi kèm luna.",
    },
    look: "Đến luồng",
  },
} as const;
