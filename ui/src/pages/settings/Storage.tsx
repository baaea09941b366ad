// What luna keeps and has made elsewhere: overflow files on this machine, chats in the user's account.
import { ChatList } from "./ChatList";
import { Cleanup } from "./Cleanup";
import { OverflowFiles } from "./OverflowFiles";

export function Storage() {
  return (
    <div className="settings-cards">
      <OverflowFiles />
      <Cleanup />
      <ChatList />
    </div>
  );
}
